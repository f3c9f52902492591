# family: confused deputies
# about: The same with a container of its own.
def f(self):
    kept = self.friend.keep_(self.items)
    kept.append(99)
    return self.items
