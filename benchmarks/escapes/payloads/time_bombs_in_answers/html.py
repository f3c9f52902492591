# family: time bombs in answers
# about: Text that is code elsewhere.
def f(self):
    return "<script>alert(1)</script>\n=HYPERLINK(\"http://127.0.0.1:@PORT@\")"
