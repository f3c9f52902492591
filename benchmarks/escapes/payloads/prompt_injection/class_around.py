# family: prompt injection
# about: A class around the method.
class F:
    import os
    def f(self):
        return self.os.environ
