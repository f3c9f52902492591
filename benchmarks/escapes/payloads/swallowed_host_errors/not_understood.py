# family: swallowed host errors
# about: A message that nobody understands, caught.
def f(self):
    try:
        return self.friend.unheard_of_thing_(1)
    except BaseException:
        return "went on"
