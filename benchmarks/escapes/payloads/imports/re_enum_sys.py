# family: imports
# about: sys by way of re and enum.
def f(self):
    import re
    return re.enum.sys.modules["os"].environ
