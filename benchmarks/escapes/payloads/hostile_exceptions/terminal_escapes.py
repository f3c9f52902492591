# family: hostile exceptions
# about: A message with commands for a terminal.
def f(self):
    raise ValueError('\x1b]0;owned\x07\x1b[2J\x1b[31mapproved\x1b[0m')
