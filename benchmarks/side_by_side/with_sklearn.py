from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)
learners = {
    "lr": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=0)),
    "rf": RandomForestClassifier(n_estimators=100, random_state=0),
    "gb": GradientBoostingClassifier(random_state=0),
}
pairs = list(learners.items())
models = {
    **learners,
    "vote": VotingClassifier(pairs, voting="soft"),
    "stack": StackingClassifier(pairs, final_estimator=LogisticRegression(max_iter=1000), cv=5),
}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
for name, model in models.items():
    scores = cross_val_score(model, X, y, cv=folds)
    print(f"{name:6} {scores.mean():.4f} +/- {scores.std():.4f}")
