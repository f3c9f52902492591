# family: confused deputies
# about: A state of the machine, sent by hand.
def f(self):
    return self.machine.COMPLETE._process_synthesis_()
