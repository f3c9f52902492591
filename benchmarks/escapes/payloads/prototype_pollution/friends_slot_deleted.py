# family: prototype pollution
# about: A slot of another object removed.
def f(self):
    del self.friend.count
