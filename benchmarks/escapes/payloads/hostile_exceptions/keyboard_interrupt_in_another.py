# family: hostile exceptions
# about: Interrupts from a method that another calls.
def f(self):
    return self.friend.apply_(lambda x: 1 // x, 0)
