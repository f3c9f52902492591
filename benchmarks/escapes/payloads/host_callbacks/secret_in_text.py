# family: host callbacks
# about: A secret, made text.
def f(self):
    return str(self.token) + f"{self.token}"
