"""Network command lines: device knowledge as data, and interpreters of what devices printed."""
