# family: values that bite later
# about: Numbers without end, for who writes JSON.
def f(self):
    return [float('inf'), float('-inf'), float('nan')]
