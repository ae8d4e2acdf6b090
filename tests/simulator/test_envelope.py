"""Zones by their constructions: derivation, balances, and surfaces that follow known physics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.parts import SUB_STEP_S
from simulator.physics import surfaces
from simulator.physics.envelope import (
    SURFACE_W_M2_K,
    Envelope,
    EnvelopeDay,
    EnvelopeHeat,
    Glazing,
    Layer,
    lump,
)

DAY = 1440

layers = st.lists(
    st.builds(
        Layer,
        name=st.just("any"),
        thickness_m=st.floats(0.001, 0.5),
        conductivity_w_m_k=st.floats(0.02, 3.0),
        density_kg_m3=st.floats(10.0, 2500.0),
        heat_j_kg_k=st.floats(400.0, 2000.0),
    ),
    min_size=1,
    max_size=5,
)


@given(layers)
def test_a_lump_keeps_capacity_and_resistance_and_lies_within_its_layers(parts):
    node = lump(parts)
    assert node.capacity == pytest.approx(sum(part.capacity for part in parts))
    assert node.before + node.after == pytest.approx(sum(part.resistance for part in parts))
    assert node.before >= 0.0
    assert node.after >= -1e-12


def test_a_lump_of_one_layer_lies_in_its_middle_and_insulation_hardly_moves_it():
    brick = Layer(name="brick", thickness_m=0.1, conductivity_w_m_k=0.9, density_kg_m3=1900.0, heat_j_kg_k=800.0)
    foam = Layer(name="foam", thickness_m=0.1, conductivity_w_m_k=0.03, density_kg_m3=30.0, heat_j_kg_k=1400.0)
    assert lump([brick]).before == pytest.approx(0.5 * brick.resistance)
    assert lump([foam, brick]).after < 0.1 * foam.resistance


@pytest.mark.parametrize(("u", "shgc"), [(1.0, 0.25), (2.04, 0.36), (3.2, 0.6)])
def test_a_simple_window_has_the_u_value_it_was_made_of(u, shgc):
    glass = Glazing.of(u, shgc)
    inside, outside = 0.359073 * np.log(u) + 6.949915, 0.025342 * u + 29.163853
    assert 1.0 / (1.0 / inside + glass.resistance + 1.0 / outside) == pytest.approx(u)
    assert 0.0 < glass.transmittance < shgc
    assert glass.transmittance + glass.absorptance < 1.0
    assert glass.transmittance + glass.inward(20.0) == pytest.approx(shgc, abs=0.02)


def test_a_window_outside_the_formulas_is_refused():
    with pytest.raises(ValueError, match="no simple window"):
        Glazing.of(5.8, 0.8)


def box(worlds=1, zones=2):
    """Two zones of one element with two nodes each, and a partition between them."""
    one = np.ones((1, zones, worlds))
    flat = np.ones((zones, worlds))
    return Envelope(
        inner_j_k=4e6 * one,
        outer_j_k=3e6 * one,
        star_w_k=300.0 * one,
        middle_w_k=40.0 * one,
        beyond_w_k=800.0 * one,
        surface_m2=100.0 * flat,
        air_j_k=2e5 * flat,
        volume_m3=150.0 * flat,
        partition_w_k=np.full((1, worlds), 60.0),
        links=((0, 1),),
        beam_share=0.6 * one,
        beam_to_star=0.4 * flat,
        diffuse_share=0.6 * one,
        diffuse_to_star=0.4 * flat,
        radiant_share=0.6 * one,
        radiant_to_star=0.4 * flat,
    )


def day(outdoor_c, worlds=1, zones=2, leak_w_k=10.0, window_w_k=20.0, sun_w=0.0, radiant_w=0.0, air_w=0.0):
    flat = np.ones((DAY, zones, worlds))
    return EnvelopeDay(
        outdoor_c=outdoor_c * flat[:, 0],
        beyond_c=(outdoor_c * flat,),
        glass_c=outdoor_c * flat,
        window_w_k=window_w_k * flat,
        leak_w_k=leak_w_k * flat,
        beam_w=sun_w * flat,
        diffuse_w=sun_w * flat,
        to_star_w=0.5 * sun_w * flat,
        radiant_w=radiant_w * flat,
        to_air_w=air_w * flat,
    )


def turn(heat, today, days=1):
    for minute in range(days * DAY):
        heat.advance(minute % DAY, today, heat.settle(minute % DAY, today))


def test_left_alone_every_node_comes_to_the_temperature_outside():
    heat = EnvelopeHeat(box(), start_c=25.0)
    turn(heat, day(5.0), days=20)
    for node in (heat.air_c, heat.inner_c, heat.outer_c, heat.star_c):
        np.testing.assert_allclose(node, 5.0, atol=0.05)


def test_all_heat_that_comes_in_is_stored_where_nothing_goes_out():
    tight = box()
    tight.beyond_w_k[:] = 0.0
    heat = EnvelopeHeat(tight, start_c=20.0)
    heat.air_c[1] = 15.0  # The partition has something to even out.
    before = heat.stored_j()
    turn(heat, day(0.0, leak_w_k=0.0, window_w_k=0.0, sun_w=200.0, radiant_w=300.0, air_w=100.0))
    brought = 2 * DAY * SUB_STEP_S * (200.0 + 200.0 + 100.0 + 300.0 + 100.0)
    assert heat.stored_j() - before == pytest.approx(brought, rel=1e-9)


def test_worlds_do_not_see_each_other():
    alone, among = EnvelopeHeat(box()), EnvelopeHeat(box(worlds=3))
    among.inner_c[..., 1] = 35.0
    turn(alone, day(8.0, sun_w=150.0))
    turn(among, day(8.0, worlds=3, sun_w=150.0))
    np.testing.assert_allclose(among.air_c[:, 0], alone.air_c[:, 0], rtol=1e-12)
    np.testing.assert_allclose(among.air_c[:, 2], alone.air_c[:, 0], rtol=1e-12)
    assert (among.air_c[:, 1] > alone.air_c[:, 0] + 1.0).all()


def test_surfaces_warm_the_air_by_the_film_of_convection_through_the_star():
    """The star's two legs in series are the film that they stand for: 1.6 W/(m2 K) at 2.1 K."""
    heat = EnvelopeHeat(Envelope(**_one_zone()))
    heat.inner_c[:], heat.air_c[:] = 22.1, 20.0
    still = day(20.0, zones=1, leak_w_k=0.0, window_w_k=0.0)
    for _ in range(50):  # Convection follows the star of the sub-step before.
        into = heat.settle(0, still)
    assert into.item() == pytest.approx(100.0 * 1.6 * 2.1, rel=0.02)


def _one_zone():
    envelope = box(zones=1)
    told = {name: getattr(envelope, name) for name in envelope.__slots__}
    told |= {"links": (), "partition_w_k": np.zeros((0, 1)), "star_w_k": 100.0 * SURFACE_W_M2_K * np.ones((1, 1, 1))}
    return told


def test_glass_lets_less_through_at_an_angle_and_nothing_along_it():
    cosine = np.linspace(0.0, 1.0, 50)
    shares = surfaces.through_glass(cosine)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert (np.diff(shares) > 0.0).all()
    hemisphere = np.linspace(0.0, 1.0, 20_001)
    assert np.trapezoid(2.0 * hemisphere * surfaces.through_glass(hemisphere), hemisphere) == pytest.approx(
        surfaces.DIFFUSE_THROUGH, abs=1e-4
    )


STORY = [  # outdoor C, sky C, wind m/s, sun W/m2, roof, from C to C: what the surface comes to
    (20.0, 20.0, 3.0, 0.0, False, 19.99, 20.01),  # Nothing drives it.
    (20.0, 5.0, 0.5, 0.0, True, 9.0, 14.0),  # A calm clear night: roofs fall below the air.
    (20.0, 5.0, 10.0, 0.0, True, 16.5, 19.0),  # Wind holds them to it.
    (20.0, 5.0, 0.5, 0.0, False, 16.0, 18.5),  # Walls see less of the sky.
    (30.0, 15.0, 2.0, 900.0, True, 55.0, 80.0),  # A dark roof at noon.
    (30.0, 15.0, 10.0, 900.0, True, 38.0, 55.0),
]


@pytest.mark.parametrize(("outdoor", "sky", "wind", "sun", "is_roof", "low", "high"), STORY)
def test_a_surface_comes_to_its_sol_air_temperature(outdoor, sky, wind, sun, is_roof, low, high):
    told, film = surfaces.outside_film(
        np.array([outdoor]), np.array([sky]), wind, sun, is_roof=is_roof, roughness=1.5, absorptance=0.7
    )
    assert low <= told[0] <= high
    assert 3.0 < film[0] < 60.0
