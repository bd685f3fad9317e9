from pycaret.classification import blend_models, create_model, predict_model, pull, setup, stack_models
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold

data = load_breast_cancer(as_frame=True).frame
folds = StratifiedKFold(5, shuffle=True, random_state=0)
setup(data, target="target", session_id=0, fold_strategy=folds, normalize=True, html=False, verbose=False)
members = []
for name in ("lr", "rf", "gbc"):
    members.append(create_model(name, verbose=False))
    table = pull()
    print(f"{name:6} {table.loc['Mean', 'Accuracy']:.4f} +/- {table.loc['Std', 'Accuracy']:.4f}")
for name, fuse in {"blend": blend_models, "stack": stack_models}.items():
    options = {"method": "soft"} if name == "blend" else {}
    model = fuse(members, verbose=False, **options)
    table = pull()
    print(f"{name:6} {table.loc['Mean', 'Accuracy']:.4f} +/- {table.loc['Std', 'Accuracy']:.4f}")
    predict_model(model, verbose=False)
    print(f"{name:6} {pull()['Accuracy'].iloc[0]:.4f} on the held-out 30%")
