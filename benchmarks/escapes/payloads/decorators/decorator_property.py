# family: decorators
# about: The method as a property.
@property
def f(self):
    return 1
