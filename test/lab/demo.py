def tell(trial):
    pass
def show(say):
    pass
