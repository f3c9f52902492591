# family: values that bite later
# about: Lists just as deep as may leave.
def f(self):
    rows = []
    for _ in range(58):
        rows = [rows]
    self.items = rows
    self._p_changed = True
