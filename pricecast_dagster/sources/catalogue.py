"""The catalogue of the synthetic retailer: what a Brazilian variety store sells, and when each category peaks.

Belongs here: names, price levels and peaks, as plain tables. Not here: prices and sales day by day (`shelf`, `demand`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pricecast_dagster.schemas import PRODUCT_COLUMNS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Category:
    """One category.

    Attributes:
        goods: what it sells; a name is made of one of them, a brand and a line.
        cheapest, dearest: regular prices lie between, in R$.
        peaks: commemorative date -> how many times the usual sales on the day; dates not named have a small peak.
    """

    goods: tuple[str, ...]
    cheapest: float
    dearest: float
    peaks: Mapping[str, float]


ORDINARY_PEAK: Final = 1.25
BRANDS: Final = ("Aurora", "Bandeirante", "Capim Dourado", "Ipê", "Jaçanã", "Maré", "Pindorama", "Sabiá", "Serra Azul", "Umbu")
LINES: Final = ("Tradicional", "Premium", "Família", "Leve", "Especial")

CATEGORIES: Final[Mapping[str, Category]] = {
    "Alimentos": Category(
        ("Arroz 5 kg", "Feijão 1 kg", "Café 500 g", "Açúcar 2 kg", "Macarrão 500 g", "Óleo de soja 900 ml", "Pão de forma"),
        5.0,
        45.0,
        {"christmas": 1.8, "easter": 1.4, "black_friday": 1.3},
    ),
    "Bebidas": Category(
        ("Suco de uva 1 L", "Refrigerante 2 L", "Cerveja 6 un.", "Vinho tinto 750 ml", "Água de coco 1 L", "Chá mate 1,5 L"),
        4.0,
        70.0,
        {"christmas": 2.2, "valentines_day": 1.6, "fathers_day": 1.7, "black_friday": 1.4},
    ),
    "Chocolates": Category(
        ("Bombom 250 g", "Barra ao leite 90 g", "Trufa 12 un.", "Ovo de chocolate 200 g", "Pão de mel 6 un."),
        6.0,
        80.0,
        {"easter": 4.0, "valentines_day": 2.5, "mothers_day": 1.9, "christmas": 1.9, "childrens_day": 1.6},
    ),
    "Limpeza": Category(
        ("Sabão em pó 1,6 kg", "Detergente 500 ml", "Amaciante 2 L", "Desinfetante 1 L", "Esponja 4 un."),
        4.0,
        40.0,
        {"black_friday": 1.5, "consumer_day": 1.5},
    ),
    "Beleza": Category(
        ("Perfume 100 ml", "Hidratante 400 ml", "Batom", "Shampoo 350 ml", "Protetor solar 200 ml", "Kit de maquiagem"),
        15.0,
        240.0,
        {"mothers_day": 3.0, "valentines_day": 2.6, "christmas": 2.4, "black_friday": 2.6, "fathers_day": 1.6},
    ),
    "Eletrônicos": Category(
        ("Fone sem fio", "Caixa de som", "Smartphone 128 GB", "Relógio inteligente", "TV 43 polegadas", "Carregador rápido"),
        60.0,
        2600.0,
        {
            "black_friday": 5.0,
            "christmas": 2.4,
            "fathers_day": 2.2,
            "childrens_day": 1.7,
            "consumer_day": 2.0,
            "mothers_day": 1.8,
        },
    ),
    "Moda": Category(
        ("Camiseta", "Vestido", "Tênis", "Bolsa", "Jaqueta", "Pijama", "Cinto de couro"),
        30.0,
        350.0,
        {"mothers_day": 2.6, "christmas": 2.6, "fathers_day": 2.3, "valentines_day": 2.2, "black_friday": 2.5},
    ),
    "Brinquedos": Category(
        ("Boneca", "Carrinho", "Quebra-cabeça 500 peças", "Jogo de tabuleiro", "Bola", "Massinha 12 cores"),
        20.0,
        280.0,
        {"childrens_day": 4.5, "christmas": 3.2, "black_friday": 2.0},
    ),
    "Casa": Category(
        ("Jogo de panelas", "Toalha de banho", "Jogo de cama", "Luminária", "Garrafa térmica 1 L", "Liquidificador"),
        25.0,
        450.0,
        {"mothers_day": 2.2, "black_friday": 3.0, "christmas": 1.9, "consumer_day": 1.7},
    ),
}


def make_products(count: int) -> "pd.DataFrame":
    """The product list: PRODUCT_COLUMNS; SKUs are `SKU0001` and on, categories take turns. More products, same beginning."""
    import pandas as pd

    categories = list(CATEGORIES)
    rows = []
    for number in range(count):
        turn, place = divmod(number, len(categories))
        goods = CATEGORIES[categories[place]].goods
        turn, good = divmod(turn, len(goods))
        # Brand and line start elsewhere for every good, so that the first products are not all of one brand.
        brand = BRANDS[(turn + good + place) % len(BRANDS)]
        line = LINES[(turn // len(BRANDS) + good) % len(LINES)]
        edition = turn // (len(BRANDS) * len(LINES)) + 1
        name = f"{goods[good]} {brand} {line}" + (f" n.º {edition}" if edition > 1 else "")
        rows.append((f"SKU{number + 1:04d}", name, categories[place]))
    return pd.DataFrame(rows, columns=list(PRODUCT_COLUMNS)).astype("str")
