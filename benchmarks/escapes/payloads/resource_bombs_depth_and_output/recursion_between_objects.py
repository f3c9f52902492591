# family: resource bombs: depth and output
# about: Objects that send each other.
def f(self):
    return self.friend.apply_(lambda x: x.f(), self)
