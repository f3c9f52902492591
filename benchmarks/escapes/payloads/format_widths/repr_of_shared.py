# family: format widths
# about: A text of a list that holds itself many times.
def f(self):
    rows = [1]
    for _ in range(40):
        rows = [rows, rows]
    return str(rows)
