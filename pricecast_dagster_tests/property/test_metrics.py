"""Metrics on any numbers: against plain Python and scikit-learn, whatever the batch and its memory layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pricecast_dagster.forecasting import metrics
from pricecast_dagster_tests.oracles.metrics import scores

prices = st.floats(0.0, 1e6, allow_subnormal=False).map(lambda price: round(price, 2))


@st.composite
def comparisons(draw):
    """Actual and predicted prices of some SKUs and days, and which of the days count."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 20)))
    actual, predicted = (draw(arrays.arrays(np.float64, shape, elements=prices)) for _ in range(2))
    return actual, predicted, draw(arrays.arrays(np.bool_, shape))


@given(comparisons())
def test_every_score_is_what_plain_python_says(comparison):
    actual, predicted, counted = comparison
    for row in range(len(actual)):
        pairs = [(a, p) for a, p, taken in zip(actual[row], predicted[row], counted[row], strict=True) if taken]
        for name, score in scores(pairs).items():
            answered = getattr(metrics, name)(actual, predicted, counted)[row]
            np.testing.assert_allclose(answered, score, rtol=1e-9, atol=1e-9, err_msg=name)


@given(comparisons())
def test_a_score_has_the_same_bytes_alone_in_a_batch_and_in_any_memory_layout(comparison):
    for name in ("rmse", "mae", "bias", "mape", "wape"):
        metric = getattr(metrics, name)
        batch = metric(*comparison)
        turned = metric(*(np.asfortranarray(part) for part in comparison))
        alone = np.array([metric(*(part[row] for part in comparison)) for row in range(len(batch))])
        assert batch.tobytes() == turned.tobytes() == alone.tobytes()


@given(comparisons(), st.sampled_from([0.1, 0.5, 0.9]))
def test_scores_agree_with_scikit_learn(comparison, probability):
    from sklearn import metrics as sklearn_metrics

    actual, predicted = comparison[0][0] + 0.01, comparison[1][0]
    everything = np.ones_like(actual, dtype=bool)
    expected = {
        "rmse": sklearn_metrics.root_mean_squared_error(actual, predicted),
        "mae": sklearn_metrics.mean_absolute_error(actual, predicted),
        "mape": sklearn_metrics.mean_absolute_percentage_error(actual, predicted),
    }
    for name, score in expected.items():
        assert getattr(metrics, name)(actual, predicted, everything) == pytest.approx(score, rel=1e-9)
    loss = sklearn_metrics.mean_pinball_loss(actual, predicted, alpha=probability)
    assert metrics.pinball(actual, predicted, everything, probability=probability) == pytest.approx(loss, rel=1e-9)
