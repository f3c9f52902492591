# family: prototype pollution
# about: The state of the machine.
def f(self):
    self.machine.IDLE._process_synthesis_ = 1
