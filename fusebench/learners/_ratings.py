"""Models of ratings: what a user gives an item, from a column of users and a column of items."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
UNSEEN = -1
AT_LEAST_0: list[Any] = [Interval(Real, 0, None, closed="left")]
FROM_0: list[Any] = [Interval(Integral, 0, None, closed="left")]
FROM_1: list[Any] = [Interval(Integral, 1, None, closed="left")]


class _Ratings(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Shared: the places of users and items, and the biases that every model starts from.

    ``r = mean + b_user + b_item``, the biases shrunk: alternating, ``b_i = sum(r - mean - b_u) / (n_i + reg_item)``
    and the same for users. An unseen user or item has no bias.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "user": FROM_0,
        "item": FROM_0,
        "n_epochs": FROM_1,
        "reg_user": AT_LEAST_0,
        "reg_item": AT_LEAST_0,
    }

    def fit(self, X: Any, y: Floats) -> Self:
        """Learn from known ratings.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Codes or numbers of users and items in the columns `user` and `item`.
        y : ndarray of shape (n_samples,)
            Ratings.
        """
        self._validate_params()
        # Other columns may hold anything; a missing user or item is one that nobody knows.
        X, y = validate_data(self, X, y, dtype=None, ensure_all_finite="allow-nan", y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        if X.shape[1] <= max(self.user, self.item):
            raise ValueError(
                f"needs the columns {self.user} (users) and {self.item} (items), got n_features = {X.shape[1]}"
            )
        try:
            self.users_, users = np.unique(X[:, self.user], return_inverse=True)
            self.items_, items = np.unique(X[:, self.item], return_inverse=True)
        except TypeError as error:
            raise TypeError(f"users and items: argument must be all a string or all a number: {error}") from error
        self._fit_biases(users, items, y)
        self._fit_rest(users, items, y - self._baseline(users, items))
        return self

    def predict(self, X: Any) -> Floats:
        """Return ratings, shape (n_samples,), within the range of those seen."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=None, ensure_all_finite="allow-nan")
        users, items = _places(self.users_, X[:, self.user]), _places(self.items_, X[:, self.item])
        return np.clip(self._baseline(users, items) + self._rest(users, items), *self.range_)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn's checks should know: any numbers are no ratings, other columns may have gaps."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.input_tags.allow_nan = True
        return tags

    def _fit_biases(self, users: Ints, items: Ints, y: Floats) -> None:
        self.mean_, self.range_ = float(y.mean()), (float(y.min()), float(y.max()))
        n_users, n_items = len(self.users_), len(self.items_)
        of_user, of_item = np.bincount(users, minlength=n_users), np.bincount(items, minlength=n_items)
        b_user, b_item = np.zeros(n_users), np.zeros(n_items)
        for _ in range(self.n_epochs):
            b_item = np.bincount(items, y - self.mean_ - b_user[users], n_items) / (of_item + self.reg_item)
            b_user = np.bincount(users, y - self.mean_ - b_item[items], n_users) / (of_user + self.reg_user)
        # One more place at the end, which the index of the unseen (-1) finds.
        self.user_bias_, self.item_bias_ = np.append(b_user, 0.0), np.append(b_item, 0.0)

    def _baseline(self, users: Ints, items: Ints) -> Floats:
        return np.asarray(self.mean_ + self.user_bias_[users] + self.item_bias_[items])

    def _fit_rest(self, users: Ints, items: Ints, residual: Floats) -> None:
        """Learn what the biases leave; nothing by default."""

    def _rest(self, users: Ints, items: Ints) -> Floats:
        return np.zeros(len(users))


class BiasRegressor(_Ratings):
    """The mean, a user's tendency and an item's.

    Parameters
    ----------
    user, item : int, default=0, 1
        The columns.
    n_epochs : int, default=10
        Alternations.
    reg_user, reg_item : float, default=15, 10
        Ratings of zero that are added to every user and item.

    References
    ----------
    .. [1] Y. Koren, Factor in the neighbors, ACM TKDD 4(1), 2010, section 2.1.
    """

    def __init__(
        self, *, user: int = 0, item: int = 1, n_epochs: int = 10, reg_user: float = 15, reg_item: float = 10
    ) -> None:
        self.user = user
        self.item = item
        self.n_epochs = n_epochs
        self.reg_user = reg_user
        self.reg_item = reg_item


class MatrixFactorizationRegressor(_Ratings):
    """Biases, and a product of user and item factors fitted by alternating least squares.

    Parameters
    ----------
    user, item : int, default=0, 1
        The columns.
    n_factors : int, default=20
        Length of a user's and an item's vector.
    n_iter : int, default=15
        Alternations of the factors.
    reg : float, default=0.1
        L2 penalty per rating.
    n_epochs, reg_user, reg_item
        As in `BiasRegressor`.
    random_state : int or None, default=None
        Seed of the first item factors.

    Notes
    -----
    A user's factors solve ``(V'V + reg * n_u * I) p_u = V'r_u`` over the items that the user rated.
    O(n_iter * (n_ratings * n_factors**2 + (n_users + n_items) * n_factors**3)).

    References
    ----------
    .. [1] Y. Zhou et al., Large-scale parallel collaborative filtering for the Netflix Prize, AAIM 2008.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Ratings._parameter_constraints,
        "n_factors": FROM_1,
        "n_iter": FROM_1,
        "reg": AT_LEAST_0,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        user: int = 0,
        item: int = 1,
        n_factors: int = 20,
        n_iter: int = 15,
        reg: float = 0.1,
        n_epochs: int = 10,
        reg_user: float = 15,
        reg_item: float = 10,
        random_state: int | None = None,
    ) -> None:
        self.user = user
        self.item = item
        self.n_factors = n_factors
        self.n_iter = n_iter
        self.reg = reg
        self.n_epochs = n_epochs
        self.reg_user = reg_user
        self.reg_item = reg_item
        self.random_state = random_state

    def _fit_rest(self, users: Ints, items: Ints, residual: Floats) -> None:
        rng = np.random.default_rng(self.random_state)
        shape = (len(self.users_), len(self.items_))
        by_user = csr_matrix((residual, (users, items)), shape=shape)
        by_item = by_user.T.tocsr()
        V = rng.normal(scale=0.1, size=(shape[1], self.n_factors))
        U = np.zeros((shape[0], self.n_factors))
        for _ in range(self.n_iter):
            U = _solve(by_user, V, self.reg)
            V = _solve(by_item, U, self.reg)
        self.user_factors_ = np.vstack([U, np.zeros(self.n_factors)])
        self.item_factors_ = np.vstack([V, np.zeros(self.n_factors)])

    def _rest(self, users: Ints, items: Ints) -> Floats:
        return np.asarray(np.einsum("ij,ij->i", self.user_factors_[users], self.item_factors_[items]))


class ItemKNNRegressor(_Ratings):
    """Biases, and what the user thought of the most similar items.

    Parameters
    ----------
    user, item : int, default=0, 1
        The columns.
    n_neighbors : int, default=40
        Items at most; only those of positive similarity count.
    shrinkage : float, default=100
        Common users at which a similarity counts half.
    n_epochs, reg_user, reg_item
        As in `BiasRegressor`.

    Notes
    -----
    ``r = baseline + sum_j s_ij (r_uj - baseline_uj) / sum_j s_ij`` with s the cosine of residuals times
    ``n_ij / (n_ij + shrinkage)``. O(n_items**2) memory.

    References
    ----------
    .. [1] Y. Koren, Factor in the neighbors, ACM TKDD 4(1), 2010, section 2.2.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Ratings._parameter_constraints,
        "n_neighbors": FROM_1,
        "shrinkage": AT_LEAST_0,
    }

    def __init__(
        self,
        *,
        user: int = 0,
        item: int = 1,
        n_neighbors: int = 40,
        shrinkage: float = 100,
        n_epochs: int = 10,
        reg_user: float = 15,
        reg_item: float = 10,
    ) -> None:
        self.user = user
        self.item = item
        self.n_neighbors = n_neighbors
        self.shrinkage = shrinkage
        self.n_epochs = n_epochs
        self.reg_user = reg_user
        self.reg_item = reg_item

    def _fit_rest(self, users: Ints, items: Ints, residual: Floats) -> None:
        shape = (len(self.users_), len(self.items_))
        # A residual of 0 must still count as a rating, so ratings are counted in a matrix of their own.
        rated = csr_matrix((np.ones(len(users)), (users, items)), shape=shape)
        self.residuals_ = csr_matrix((residual, (users, items)), shape=shape)
        products = (self.residuals_.T @ self.residuals_).toarray()
        common = (rated.T @ rated).toarray()
        norms = np.sqrt(np.outer(products.diagonal(), products.diagonal()))
        cosine = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
        weight = np.divide(common, common + self.shrinkage, out=np.zeros_like(common), where=common > 0)
        self.similarity_ = cosine * weight
        np.fill_diagonal(self.similarity_, 0.0)

    def _rest(self, users: Ints, items: Ints) -> Floats:
        out = np.zeros(len(users))
        known = np.flatnonzero((users != UNSEEN) & (items != UNSEEN))
        R = self.residuals_
        for row in known:
            start, end = R.indptr[users[row]], R.indptr[users[row] + 1]
            similar = self.similarity_[items[row], R.indices[start:end]]
            nearest = np.argsort(-similar, kind="stable")[: self.n_neighbors]
            nearest = nearest[similar[nearest] > 0]
            if len(nearest):
                out[row] = similar[nearest] @ R.data[start:end][nearest] / similar[nearest].sum()
        return out


def _places(known: NDArray[Any], values: NDArray[Any]) -> Ints:
    """Return where each value stands among the known ones, `UNSEEN` where it does not."""
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, at, UNSEEN)


def _solve(ratings: Any, factors: Floats, reg: float) -> Floats:
    """Return the factors of the rows of a sparse matrix, given those of its columns."""
    out = np.zeros((ratings.shape[0], factors.shape[1]))
    eye = np.eye(factors.shape[1])
    for row in range(ratings.shape[0]):
        start, end = ratings.indptr[row], ratings.indptr[row + 1]
        if end > start:
            V = factors[ratings.indices[start:end]]
            penalty = max(reg * (end - start), 1e-10)
            out[row] = np.linalg.solve(V.T @ V + penalty * eye, V.T @ ratings.data[start:end])
    return out
