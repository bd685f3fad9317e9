"""Statistical methods, one a file; numpy and scipy.special only."""

from fusebench.stats.bayes_sign import Probabilities, bayes_sign
from fusebench.stats.bayes_signed_rank import bayes_signed_rank, draw_weights, signed_rank_shares
from fusebench.stats.bonferroni_dunn import against_control, bonferroni_dunn
from fusebench.stats.bootstrap import Interval, bootstrap_means
from fusebench.stats.cliques import maximal_cliques
from fusebench.stats.corrected_t import CorrectedT, Posterior, corrected_t, posterior
from fusebench.stats.elo import Elo, elo
from fusebench.stats.friedman import Friedman, friedman
from fusebench.stats.hochberg import hochberg
from fusebench.stats.holm import holm
from fusebench.stats.hommel import hommel
from fusebench.stats.improvability import improvability
from fusebench.stats.mcnemar import mcnemar
from fusebench.stats.nemenyi import critical_difference, nemenyi_p
from fusebench.stats.normalised_error import normalised_error
from fusebench.stats.pooled_t import PooledT, pooled_t
from fusebench.stats.ranks import ranks
from fusebench.stats.reciprocal_rank import reciprocal_rank
from fusebench.stats.rescaled_loss import rescaled_loss
from fusebench.stats.welch_t import WelchT, welch_t
from fusebench.stats.wilcoxon import Wilcoxon, smallest_p, wilcoxon
from fusebench.stats.win_rate import win_rate

__all__ = [
    "CorrectedT",
    "Elo",
    "Friedman",
    "Interval",
    "PooledT",
    "Posterior",
    "Probabilities",
    "WelchT",
    "Wilcoxon",
    "against_control",
    "bayes_sign",
    "bayes_signed_rank",
    "bonferroni_dunn",
    "bootstrap_means",
    "corrected_t",
    "critical_difference",
    "draw_weights",
    "elo",
    "friedman",
    "hochberg",
    "holm",
    "hommel",
    "improvability",
    "maximal_cliques",
    "mcnemar",
    "nemenyi_p",
    "normalised_error",
    "pooled_t",
    "posterior",
    "ranks",
    "reciprocal_rank",
    "rescaled_loss",
    "signed_rank_shares",
    "smallest_p",
    "welch_t",
    "wilcoxon",
    "win_rate",
]
