# family: prototype pollution
# about: The method's record by reading it.
def f(self):
    record = self.f
    record.trust = "trusted"
