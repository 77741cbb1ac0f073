// On the embedded engine some nodes without properties keep the first place of each file taken (cmdb/store/first_slots.py).
// A program that does not know them must not open the store: it would take them for CIs.
RETURN 1;
