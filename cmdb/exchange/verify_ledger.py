"""Verify what `cmdb ledger export` wrote, offline and with nothing else: python3 -I -S verify_ledger.py FOLDER"""
import base64, hashlib, json, os, sys  # one page, to be read before it is run
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # Ed25519, RFC 8032
D, ROOT, ZERO = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P), (0, 1, 1, 0)
def add(p, q):
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(n, p):
    return add(times(n >> 1, add(p, p)), p if n & 1 else ZERO) if n else ZERO
def point(data):
    y = int.from_bytes(data, "little") & 2**255 - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    root = pow(square, (P + 3) // 8, P)
    x = [r for s in (root, root * ROOT % P) if s * s % P == square for r in (s, P - s) if r & 1 == data[31] >> 7][0]
    return x, y, 1, x * y % P
def is_signed(key, message, signature):
    s, h = int.from_bytes(signature[32:], "little"), hashlib.sha512(signature[:32] + key + message).digest()
    left = times(s, point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")))
    right = add(point(signature[:32]), times(int.from_bytes(h, "little") % ORDER, point(key)))
    return len(signature) == 64 and s < ORDER and not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))
def must(fits, what):
    if not fits:
        raise ValueError(what)
def check(c, number, previous):
    content, head = hashlib.sha256(base64.b64decode(c["payload"], validate=True)), [c["at"], c["actor"], c["reason"]]
    parts = [str(part).encode() for part in (previous, number, *head, content.hexdigest())]
    data = b"cmdb commit 2" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    if c["form"] == 1:  # its head is packed in another way, and must hold the same
        old, held = bytes.fromhex(c["head"]), [c["at"].to_bytes(8, "big"), c["actor"].encode(), c["reason"].encode()]
        data = previous.encode() + (old if all(h in old for h in held) else b"") + content.digest()
    must(c["sequence"] == number and c["previous"] == previous, "it does not continue the commit before it")
    must(c["hash"] == hashlib.sha256(data).hexdigest(), "its content does not give its hash")
    for mark, (salt, text) in c["texts"].items():
        real = hashlib.blake2b(text.encode(), digest_size=20, key=bytes.fromhex(salt)).hexdigest()
        must(c["form"] == 1 or mark == real, "its text %s is not the one that was written" % mark)
place, number, previous = "manifest.json with manifest.sig", 0, ""
try:
    os.chdir(sys.argv[1])
    raw, signature = open("manifest.json", "rb").read(), open("manifest.sig", "rb").read()
    key, lines = bytes.fromhex(json.loads(raw)["public_key"]), json.loads(raw)["lines"]
    must(is_signed(key, raw, signature), "the signature does not fit")
    for number, line in enumerate(open("commits.ndjson", "rb"), 1):
        place = "commits.ndjson: line %d, sequence %d" % (number, number)
        check(json.loads(line), number, previous)
        must(lines[number - 1:number] == [hashlib.sha256(line).hexdigest()], "it is not what was signed")
        previous = json.loads(line)["hash"]
    must(number == len(lines), "%d commits were signed, %d are here" % (len(lines), number))
except Exception as error:
    sys.exit("BAD %s: %s" % (place, error or type(error).__name__))
print("%d commits, head %s, signed by %s" % (number, previous, hashlib.sha256(key).hexdigest()))
