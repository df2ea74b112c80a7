//! What is not invented: cities, categories; and the sentences that comments are made of.

pub(crate) struct City {
    pub(crate) name: &'static str,
    /// As some of the points of the geolocation file spell it.
    pub(crate) accented: &'static str,
    pub(crate) state: &'static str,
    pub(crate) first_zip: u32,
    /// Millionths of a degree.
    pub(crate) latitude: i64,
    pub(crate) longitude: i64,
    pub(crate) weight: u64,
}

pub(crate) const fn city(
    name: &'static str,
    accented: &'static str,
    state: &'static str,
    first_zip: u32,
    (latitude, longitude): (i64, i64),
    weight: u64,
) -> City {
    City { name, accented, state, first_zip, latitude, longitude, weight }
}

pub(crate) const CITIES: [City; 45] = [
    city("sao paulo", "são paulo", "SP", 1001, (-23_550_000, -46_633_000), 150),
    city("guarulhos", "guarulhos", "SP", 7010, (-23_454_000, -46_533_000), 20),
    city("campinas", "campinas", "SP", 13_010, (-22_905_000, -47_061_000), 25),
    city("santos", "santos", "SP", 11_010, (-23_961_000, -46_334_000), 14),
    city(
        "sao bernardo do campo",
        "são bernardo do campo",
        "SP",
        9600,
        (-23_694_000, -46_565_000),
        16,
    ),
    city("santo andre", "santo andré", "SP", 9010, (-23_664_000, -46_538_000), 15),
    city("osasco", "osasco", "SP", 6010, (-23_533_000, -46_792_000), 14),
    city("ribeirao preto", "ribeirão preto", "SP", 14_010, (-21_178_000, -47_810_000), 14),
    city("sorocaba", "sorocaba", "SP", 18_010, (-23_501_000, -47_458_000), 14),
    city(
        "sao jose dos campos",
        "são josé dos campos",
        "SP",
        12_210,
        (-23_179_000, -45_887_000),
        14,
    ),
    city("bauru", "bauru", "SP", 17_010, (-22_315_000, -49_061_000), 8),
    city("rio de janeiro", "rio de janeiro", "RJ", 20_010, (-22_907_000, -43_173_000), 70),
    city("niteroi", "niterói", "RJ", 24_020, (-22_883_000, -43_104_000), 12),
    city("duque de caxias", "duque de caxias", "RJ", 25_010, (-22_786_000, -43_312_000), 8),
    city("petropolis", "petrópolis", "RJ", 25_620, (-22_505_000, -43_179_000), 5),
    city("belo horizonte", "belo horizonte", "MG", 30_110, (-19_917_000, -43_935_000), 30),
    city("uberlandia", "uberlândia", "MG", 38_400, (-18_919_000, -48_277_000), 8),
    city("juiz de fora", "juiz de fora", "MG", 36_010, (-21_764_000, -43_350_000), 7),
    city("contagem", "contagem", "MG", 32_010, (-19_932_000, -44_054_000), 6),
    city("porto alegre", "porto alegre", "RS", 90_010, (-30_033_000, -51_230_000), 16),
    city("caxias do sul", "caxias do sul", "RS", 95_010, (-29_168_000, -51_179_000), 7),
    city("pelotas", "pelotas", "RS", 96_010, (-31_772_000, -52_343_000), 4),
    city("curitiba", "curitiba", "PR", 80_010, (-25_428_000, -49_273_000), 18),
    city("londrina", "londrina", "PR", 86_010, (-23_304_000, -51_169_000), 7),
    city("maringa", "maringá", "PR", 87_010, (-23_421_000, -51_933_000), 6),
    city("florianopolis", "florianópolis", "SC", 88_010, (-27_595_000, -48_548_000), 8),
    city("joinville", "joinville", "SC", 89_201, (-26_304_000, -48_846_000), 7),
    city("blumenau", "blumenau", "SC", 89_010, (-26_919_000, -49_066_000), 5),
    city("salvador", "salvador", "BA", 40_010, (-12_971_000, -38_501_000), 14),
    city("feira de santana", "feira de santana", "BA", 44_001, (-12_266_000, -38_966_000), 4),
    city("brasilia", "brasília", "DF", 70_040, (-15_794_000, -47_882_000), 20),
    city("goiania", "goiânia", "GO", 74_003, (-16_686_000, -49_264_000), 10),
    city("vitoria", "vitória", "ES", 29_010, (-20_315_000, -40_312_000), 8),
    city("recife", "recife", "PE", 50_010, (-8_047_000, -34_877_000), 10),
    city("fortaleza", "fortaleza", "CE", 60_010, (-3_731_000, -38_526_000), 10),
    city("belem", "belém", "PA", 66_010, (-1_455_000, -48_490_000), 6),
    city("sao luis", "são luís", "MA", 65_010, (-2_530_000, -44_302_000), 4),
    city("natal", "natal", "RN", 59_010, (-5_779_000, -35_200_000), 4),
    city("joao pessoa", "joão pessoa", "PB", 58_010, (-7_119_000, -34_845_000), 4),
    city("maceio", "maceió", "AL", 57_020, (-9_665_000, -35_735_000), 3),
    city("cuiaba", "cuiabá", "MT", 78_005, (-15_601_000, -56_097_000), 5),
    city("campo grande", "campo grande", "MS", 79_002, (-20_469_000, -54_620_000), 5),
    city("manaus", "manaus", "AM", 69_005, (-3_119_000, -60_021_000), 3),
    city("porto velho", "porto velho", "RO", 76_801, (-8_761_000, -63_900_000), 1),
    city("boa vista", "boa vista", "RR", 69_301, (2_823_000, -60_675_000), 1),
];

/// Category, its translation, and a usual price in cents.
pub(crate) const CATEGORIES: [(&str, &str, i64); 28] = [
    ("cama_mesa_banho", "bed_bath_table", 8900),
    ("beleza_saude", "health_beauty", 9900),
    ("esporte_lazer", "sports_leisure", 8900),
    ("informatica_acessorios", "computers_accessories", 9900),
    ("moveis_decoracao", "furniture_decor", 7900),
    ("utilidades_domesticas", "housewares", 6900),
    ("relogios_presentes", "watches_gifts", 14_900),
    ("telefonia", "telephony", 4900),
    ("automotivo", "auto", 9900),
    ("brinquedos", "toys", 8900),
    ("cool_stuff", "cool_stuff", 11_900),
    ("ferramentas_jardim", "garden_tools", 7900),
    ("perfumaria", "perfumery", 10_900),
    ("bebes", "baby", 9900),
    ("eletronicos", "electronics", 3900),
    ("papelaria", "stationery", 5900),
    ("fashion_bolsas_e_acessorios", "fashion_bags_accessories", 5900),
    ("pet_shop", "pet_shop", 7900),
    ("moveis_escritorio", "office_furniture", 15_900),
    ("malas_acessorios", "luggage_accessories", 11_900),
    ("consoles_games", "consoles_games", 8900),
    ("construcao_ferramentas_construcao", "construction_tools_construction", 11_900),
    ("eletrodomesticos", "home_appliances", 19_900),
    ("instrumentos_musicais", "musical_instruments", 17_900),
    ("pcs", "computers", 109_900),
    ("livros_interesse_geral", "books_general_interest", 6900),
    ("alimentos", "food", 4900),
    ("artes", "art", 9900),
];

/// Used by products, but missing from the translation file.
pub(crate) const UNTRANSLATED: [(&str, i64); 2] =
    [("portateis_cozinha_e_preparadores_de_alimentos", 19_900), ("pc_gamer", 129_900)];

pub(crate) const GOOD_TITLES: [&str; 6] =
    ["Recomendo", "Ótimo", "Muito bom", "Super recomendo ", "10", "Nota \"dez\""];
pub(crate) const BAD_TITLES: [&str; 6] =
    ["Não recomendo", "Péssimo", "Produto errado", "Não recebi", "Atrasado, de novo", "Ruim"];
pub(crate) const GOOD_SENTENCES: [&str; 9] = [
    "Chegou antes do prazo.",
    "Produto de ótima qualidade, bem embalado.",
    "Adorei, comprarei novamente!",
    "Tudo certo; entrega rápida e sem problemas.",
    "O tecido é macio, a cor é igual à da foto.",
    "Atendeu às minhas expectativas",
    "Minha mãe disse: \"é lindo\".",
    "Vendedor atencioso, respondeu no mesmo dia.",
    "Recomendo a loja 👍",
];
pub(crate) const BAD_SENTENCES: [&str; 9] = [
    "Ainda não recebi o produto.",
    "Veio com defeito, quero meu dinheiro de volta.",
    "Comprei dois e chegou só um, cadê o outro?",
    "O anúncio diz \"original\", mas não é.",
    "Atrasou muito; ninguém responde aos e-mails.",
    "A caixa veio amassada, a peça quebrada.",
    "Produto diferente da foto",
    "Paguei frete caro, demorou 40 dias.",
    "Péssimo atendimento, não compro mais",
];
