import tempfile

from autogluon.tabular import TabularPredictor
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

data = load_breast_cancer(as_frame=True).frame
train, test = train_test_split(data, test_size=0.2, stratify=data["target"], random_state=0)
with tempfile.TemporaryDirectory() as folder:
    predictor = TabularPredictor(label="target", path=folder, verbosity=0).fit(
        train,
        hyperparameters={"LR": {}, "RF": {"n_estimators": 100}, "GBM": {}},
        num_bag_folds=5,
        num_stack_levels=1,
        dynamic_stacking=False,
        ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
    )
    print(predictor.leaderboard(test)[["model", "score_test", "score_val", "fit_time"]].to_string(index=False))
