# family: resource bombs: depth and output
# about: Complex numbers that hash alike.
def f(self):
    return {complex(n, -n): 0 for n in range(60000)}
