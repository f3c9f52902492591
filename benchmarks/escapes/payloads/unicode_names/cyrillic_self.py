# family: unicode names
# about: A Cyrillic letter that makes another name look like self.
def f(self):
    sеlf = self.friend
    sеlf.count = 99
