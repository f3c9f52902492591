# family: prototype pollution
# about: The same as a loop's target.
def f(self):
    for self.friend.count in [99]:
        pass
