"""Fictional names: people, restaurants, vehicles. Any likeness is chance."""

FEMALE_NAMES = (
    *("Amina", "Basma", "Dalia", "Eman", "Farida", "Habiba", "Jana", "Laila", "Malak", "Nadia"),
    *("Rania", "Safaa", "Shahd", "Yasmin", "Zeinab"),
)
MALE_NAMES = (
    *("Adel", "Bilal", "Essam", "Fouad", "Gamal", "Hossam", "Ibrahim", "Karim", "Magdy", "Nabil"),
    *("Omar", "Ramy", "Sherif", "Wael", "Yassin"),
)
FIRST_NAMES = FEMALE_NAMES + MALE_NAMES
FAMILY_NAMES = (
    *("Abaza", "Badawi", "Darwish", "El-Gohary", "El-Naggar", "Fikry", "Ghanem", "Hegazy"),
    *("Ismail", "Kamel", "Lotfy", "Mansour", "Nassar", "Osman", "Radwan", "Sabry", "Zaki"),
)
RESTAURANT_FORMS = (
    "{} Corner",
    "Abu Samra {}",
    "{} & Sons",
    "The {} House, Downtown",
    '"El Balad" {}',
    "Nile {}",
    "بيت {}",
)
VEHICLES = ("bike", "motorbike", "car")
SHIFTS = ("morning", "evening", "night")
PRICE_TIERS = ("Low", "Mid", "High")
SKILL_LEVELS = ("Junior", "Mid", "Senior", "Lead")
GENDERS = ("female", "male")
MAIL_DOMAIN = "example.com"
AGENT_MAIL_DOMAIN = "support.example.com"
