# family: confused deputies
# about: A method for a state, learned on the way.
def f(self):
    return self.machine.IDLE.get_name()
