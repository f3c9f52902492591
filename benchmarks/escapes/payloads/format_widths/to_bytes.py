# family: format widths
# about: A number of ten billion bytes.
def f(self):
    return (1).to_bytes(10 ** 10, 'big')
