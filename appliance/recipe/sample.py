"""placeholder"""
def make_sample(root, work, result): pass
