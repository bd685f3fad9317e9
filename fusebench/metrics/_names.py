"""scikit-learn's scorers by name, so that checking one imports nothing.

A test compares this table with ``sklearn.metrics.get_scorer_names()``.
"""

from __future__ import annotations

BINARY = frozenset({"binary"})
CLASSES = frozenset({"binary", "multiclass"})
VALUES = frozenset({"continuous"})
NOWHERE: frozenset[str] = frozenset()  # a scorer for multilabel targets

LABELS = [
    "accuracy",
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "balanced_accuracy",
    "completeness_score",
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "fowlkes_mallows_score",
    "homogeneity_score",
    "jaccard_macro",
    "jaccard_micro",
    "jaccard_weighted",
    "matthews_corrcoef",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "precision_macro",
    "precision_micro",
    "precision_weighted",
    "rand_score",
    "recall_macro",
    "recall_micro",
    "recall_weighted",
    "v_measure_score",
]
BINARY_LABELS = [
    "f1",
    "jaccard",
    "neg_negative_likelihood_ratio",
    "positive_likelihood_ratio",
    "precision",
    "recall",
]
PROBABILITIES = [
    "average_precision",
    "d2_brier_score",
    "d2_log_loss_score",
    "neg_brier_score",
    "neg_log_loss",
    "roc_auc_ovo",
    "roc_auc_ovo_weighted",
    "roc_auc_ovr",
    "roc_auc_ovr_weighted",
    "top_k_accuracy",
]
BINARY_PROBABILITIES = ["roc_auc"]
ERRORS = [
    "d2_absolute_error_score",
    "explained_variance",
    "neg_max_error",
    "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error",
    "neg_mean_gamma_deviance",
    "neg_mean_poisson_deviance",
    "neg_mean_squared_error",
    "neg_mean_squared_log_error",
    "neg_median_absolute_error",
    "neg_root_mean_squared_error",
    "neg_root_mean_squared_log_error",
    "r2",
]
MULTILABEL = [
    "f1_samples",
    "jaccard_samples",
    "precision_samples",
    "recall_samples",
]

TARGET_TYPES = {
    **dict.fromkeys(LABELS, CLASSES),
    **dict.fromkeys(BINARY_LABELS, BINARY),
    **dict.fromkeys(PROBABILITIES, CLASSES),
    **dict.fromkeys(BINARY_PROBABILITIES, BINARY),
    **dict.fromkeys(ERRORS, VALUES),
    **dict.fromkeys(MULTILABEL, NOWHERE),
}
NEEDS_PROBA = frozenset({*PROBABILITIES, *BINARY_PROBABILITIES})
SINCE = {"d2_brier_score": (1, 8), "d2_log_loss_score": (1, 6)}
"""The first version of scikit-learn that has a scorer."""
INSTEAD = {
    "f1": "f1_macro",
    "jaccard": "jaccard_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
    "roc_auc": "roc_auc_ovr",
}
"""What to use for more than two classes."""
MEANT = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "brier": "neg_brier_score",
    "ece": "neg_ece",
    "logloss": "neg_log_loss",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "mcc": "matthews_corrcoef",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
}
"""What people write who do not know scikit-learn's name."""
