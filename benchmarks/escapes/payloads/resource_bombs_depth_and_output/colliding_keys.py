# family: resource bombs: depth and output
# about: Keys that hash alike, for the host to put into a dict.
def f(self):
    return {n * (2 ** 61 - 1): 0 for n in range(60000)}
