# family: prompt injection
# about: A good method first, another one behind it.
def f(self):
    return 1


def f(self):
    return self.launch()
