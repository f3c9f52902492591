# family: aliases and copies back
# about: Has another's method hand out that object's container to a function.
def f(self):
    return self.friend.apply_(lambda rows: rows.append('mine'), self.friend.items)
