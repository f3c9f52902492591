# family: closures and defaults
# about: A lambda that changes what it is lent.
def f(self):
    return self.friend.apply_(lambda other: other.append(4), self.friend.items)
