# family: outside
# about: A child process.
def f(self):
    import subprocess
    return subprocess.run(["env"], capture_output=True)
