# family: hostile exceptions
# about: A message with lines that look like a log's.
def f(self):
    raise ValueError('x\n2026-01-01 INFO batos approved f of ada\n')
