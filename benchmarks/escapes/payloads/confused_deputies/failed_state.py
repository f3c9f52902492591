# family: confused deputies
# about: The state that dooms a transaction.
def f(self):
    return self.machine.FAILED._process_synthesis_()
