# family: shadowed names
# about: A function of the form that the sandbox gives to messages.
def f(self):
    def _m_double(self, x):
        return 'mine'
    return self.double(2)
