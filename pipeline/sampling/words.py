"""The words of synthetic extracts: names to combine, places, and what people write about each topic.

What belongs here: word lists. What does not: how they are combined (`texts`). Every name is common in Colombia and
every combination is drawn: none describes a person.
"""

from typing import Final

WOMEN: Final = (
    "María", "Ana", "Luz", "Carmen", "Yuranis", "Paola", "Diana", "Sandra", "Claudia", "Marta", "Katherine", "Laura",
    "Andrea", "Yolanda", "Nancy", "Gloria", "Daniela", "Valentina", "Camila", "Rosa", "Beatriz", "Liliana", "Ángela",
    "Johana", "Mónica", "Patricia", "Sofía", "Isabel", "Mariana", "Tatiana",
)  # fmt: skip
MEN: Final = (
    "José", "Luis", "Carlos", "Juan", "Jorge", "Andrés", "Jesús", "Rafael", "Álvaro", "Miguel", "Pedro", "Óscar",
    "Fabián", "Jhon", "Manuel", "Alberto", "Ricardo", "Edgar", "Iván", "Julio", "Sebastián", "Camilo", "Daniel",
    "Hernán", "Wilmer", "Nelson", "Alejandro", "Santiago", "Enrique", "Gustavo",
)  # fmt: skip
SURNAMES: Final = (
    "Rodríguez", "Martínez", "García", "Gómez", "López", "González", "Hernández", "Sánchez", "Pérez", "Ramírez",
    "Díaz", "Torres", "Jiménez", "Vargas", "Moreno", "Rojas", "Muñoz", "Romero", "Ortiz", "Castro", "Suárez",
    "Álvarez", "Ruiz", "Rivera", "Mendoza", "Peña", "Núñez", "Polo", "Acosta", "Barrios", "Cantillo", "Charris",
    "De la Hoz", "Fontalvo", "Granados", "Manjarrés", "Noguera", "Orozco", "Pacheco", "Varela",
)  # fmt: skip
COMPANY_KIND: Final = (
    "Comercializadora", "Inversiones", "Constructora", "Hotel", "Distribuidora", "Transportes", "Conjunto Residencial",
    "Fundación", "Droguería", "Restaurante", "Agropecuaria", "Consultores",
)  # fmt: skip
COMPANY_NAME: Final = (
    "Caribe", "Sierra Nevada", "Bahía", "El Morro", "Tayrona", "La Perla", "Gaira", "Los Almendros", "Mar Azul",
    "El Prado", "San Jorge", "Las Acacias", "Costa Norte", "Buritaca", "El Faro", "Los Trupillos",
)  # fmt: skip
COMPANY_END: Final = ("S.A.S.", "Ltda.", "S.A.", "E.S.P.", "y Cía.")
PUBLIC_BODY: Final = (
    "Personería Distrital", "Juzgado Municipal", "Procuraduría Provincial", "Contraloría Distrital", "Gobernación",
    "Inspección del Trabajo", "Defensoría Regional", "Concejo Distrital",
)  # fmt: skip
GROUP: Final = (
    "Junta de Acción Comunal", "Veeduría Ciudadana", "Comité de Usuarios", "Asociación de Vendedores",
    "Colectivo Juvenil",
)  # fmt: skip
MAIL_DOMAINS: Final = ("correo.example", "mensajes.example", "buzon.invalid", "empresa.example")

BARRIOS: Final = {
    "c1": ("María Eugenia", "Pando", "San Martín"), "c2": ("Centro Histórico", "Los Ángeles", "Manzanares"),
    "c3": ("Pescaíto", "Almendros", "Juan XXIII"), "c4": ("El Jardín", "Bavaria", "Los Alcázares"),
    "c5": ("Bastidas", "Santa Fe", "Galicia"), "c6": ("Mamatoco", "11 de Noviembre", "La Paz"),
    "c7": ("Gaira", "El Rodadero", "Zarabanda"), "c8": ("Pozos Colorados", "Don Jaca", "Cristo Rey"),
    "c9": ("El Parque", "Bureche", "Villa del Campo"), "bonda": ("Bonda",), "guachaca": ("Guachaca", "Buritaca"),
    "minca": ("Minca",), "taganga": ("Taganga",), "fuera": ("Ciénaga", "Barranquilla"), "no_informa": ("Centro",),
}  # fmt: skip

# For each topic: subjects, what happened, what the office answered.
TOPIC_TEXTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]] = {
    "predial": (
        ("Revisión de impuesto predial", "Prescripción predial", "Error en factura del predial"),
        ("el recibo del impuesto predial llegó con un avalúo que no corresponde", "me cobran vigencias ya pagadas"),
        "se revisó el estado de cuenta del predio",
    ),
    "industria_comercio": (
        ("Corrección de declaración de ICA", "Cancelación de matrícula de industria y comercio"),
        ("el establecimiento cerró y siguen llegando requerimientos de industria y comercio",),
        "se verificó el registro de contribuyentes",
    ),
    "acueducto": (
        ("Falta de agua", "Sin servicio de acueducto hace días", "Baja presión de agua"),
        ("llevamos varios días sin agua y no llega el carrotanque", "el agua llega turbia; los niños se enferman"),
        "se dio traslado al operador del servicio para revisar la red",
    ),
    "alcantarillado": (
        ("Aguas negras rebosadas", "Alcantarillado colapsado"),
        ("las aguas residuales corren por la calle frente a mi casa", "el manjol está rebosado cuando llueve"),
        "se programó la limpieza del colector",
    ),
    "aseo": (
        ("No recogen la basura", "Botadero satélite"),
        ("el camión recolector no pasa en los días establecidos", "arrojan escombros y basuras en la esquina"),
        "se requirió al operador de aseo",
    ),
    "alumbrado": (
        ("Luminarias apagadas", "Poste de alumbrado dañado"),
        ("las lámparas de la cuadra no encienden y hay inseguridad", "el poste amenaza con caerse"),
        "se reportó la luminaria para su reposición",
    ),
    "vias": (
        ("Huecos en la vía", "Pavimentación de la calle"),
        ("la vía está destruida y los carros no pueden pasar", "un hueco ha causado varios accidentes"),
        "la vía se incluyó en el plan de mantenimiento",
    ),
    "transito": (
        ("Prescripción de comparendo", "Fotomulta mal notificada", "Comparendo que no me corresponde"),
        ("aparece un comparendo de un vehículo que vendí", "nunca me notificaron la fotomulta"),
        "se revisó el expediente contravencional",
    ),
    "transporte": (
        ("Rutas de buses", "Mal servicio de transporte"),
        ("los buses no entran al barrio después de las seis",),
        "se requirió a la empresa transportadora",
    ),
    "licencias": (
        ("Licencia de construcción", "Obra sin licencia"),
        ("solicito copia de la licencia de la obra vecina", "el vecino construye y afecta mi pared"),
        "se revisó el expediente urbanístico",
    ),
    "espacio_publico": (
        ("Invasión del espacio público", "Andén ocupado"),
        ("los negocios ocupan todo el andén y no se puede caminar",),
        "se programó un operativo de recuperación",
    ),
    "ruido": (
        ("Ruido excesivo", "Establecimiento con alto volumen"),
        ("un establecimiento pone música a todo volumen hasta la madrugada",),
        "se realizó visita de medición",
    ),
    "arbolado": (
        ("Poda de árbol", "Árbol en riesgo de caer"),
        ("un árbol tiene las raíces levantadas y puede caer sobre la casa",),
        "se emitió concepto técnico de poda",
    ),
    "playas": (
        ("Desorden en la playa", "Cobros abusivos en la playa"),
        ("cobran por el uso de la playa y no hay control",),
        "se reforzó el control en la zona de playa",
    ),
    "salud_publica": (
        ("Jornada de vacunación", "Criadero de zancudos"),
        ("hay agua estancada y casos de dengue en la cuadra",),
        "se programó jornada de fumigación",
    ),
    "aseguramiento": (
        ("Afiliación al régimen subsidiado", "Negación de medicamentos"),
        ("la EPS no entrega los medicamentos para la diabetes de mi madre",),
        "se requirió a la aseguradora",
    ),
    "cupos_escolares": (
        ("Cupo escolar", "Traslado de colegio"),
        ("no me dan cupo para mi hijo en el colegio del barrio",),
        "se asignó cupo en institución cercana",
    ),
    "transporte_escolar": (
        ("Transporte escolar", "Bus escolar suspendido"),
        ("los estudiantes de la vereda no tienen bus",),
        "se informó el calendario de rutas",
    ),
    "seguridad": (
        ("Hurtos frecuentes", "Solicitud de presencia policial"),
        ("todas las noches atracan en la esquina y nadie patrulla",),
        "se coordinó patrullaje con la Policía",
    ),
    "convivencia": (
        ("Riñas en el sector", "Problema con un vecino"),
        ("el vecino amenaza y agrede a los demás",),
        "se citó a las partes ante la inspección",
    ),
    "subsidios": (
        ("Subsidio de vivienda", "Inclusión en programa social"),
        ("cumplo los requisitos y no aparezco en el listado de beneficiarios",),
        "se verificaron los requisitos del programa",
    ),
    "victimas": (
        ("Ayuda humanitaria", "Estado de la indemnización"),
        ("fui desplazado y no he recibido la ayuda humanitaria",),
        "se orientó sobre la ruta de atención a víctimas",
    ),
    "adulto_mayor": (
        ("Programa de adulto mayor", "Auxilio de adulto mayor"),
        ("tengo más de setenta años y me retiraron el auxilio",),
        "se verificó el listado de priorizados",
    ),
    "sisben": (
        ("Nueva encuesta del Sisbén", "Reclasificación del Sisbén"),
        ("el puntaje del Sisbén no refleja mi situación", "me cambié de barrio y necesito la encuesta"),
        "se programó la visita de encuesta",
    ),
    "certificados": (
        ("Certificado de residencia", "Copia de documentos", "Constancia laboral"),
        ("necesito el certificado para un trámite urgente", "solicito copia auténtica del acto administrativo"),
        "se expidió el documento solicitado",
    ),
    "contratacion": (
        ("Información de un contrato", "Copia de estudios previos"),
        ("solicito copia del contrato y de sus informes de supervisión",),
        "se remitió la información contractual pública",
    ),
    "atencion": (
        ("Mala atención en ventanilla", "Felicitación a funcionaria"),
        ("esperé tres horas y no me atendieron",),
        "se trasladó a la oficina de control disciplinario",
    ),
    "turismo": (
        ("Permiso para evento", "Información turística"),
        ("quiero saber los requisitos para un evento cultural",),
        "se informaron los requisitos",
    ),
    "otro": (
        ("Solicitud general", "Inquietud ciudadana"),
        ("requiero orientación sobre un trámite",),
        "se brindó la orientación solicitada",
    ),
}
OPENINGS: Final = ("Buenos días: ", "Cordial saludo. ", "Respetados señores: ", "Por medio de la presente informo que ")
CLOSINGS: Final = (
    " Agradezco una pronta respuesta.",
    " Ya había escrito antes; nadie responde.",
    ' La gente llama al sector "La Y".',
    " Quedo atento(a) – gracias.",
)
PLACE_LINK: Final = (" Esto ocurre en ", " La dirección es ", " Queda por ")
TRANSFER_TO: Final = (
    "Empresa operadora de acueducto", "Gobernación del Magdalena", "Policía Metropolitana", "Superintendencia de Salud",
    "Corporación ambiental regional",
)  # fmt: skip
DENIAL_CAUSE: Final = ("reserva", "clasificada", "inexistencia", "no competencia")
UNKNOWN_KIND: Final = ("PQR", "Trámite externo", "Otro", "No clasificada")
"""Kinds of petition that no list knows: they are accepted as «sin_clasificar»."""
UNREADABLE_DATE: Final = ("sin fecha", "31/02/{year} 10:00", "00/00/0000", "{year}-13-45", "por confirmar")
CLERKS: Final = ("JPEREZ", "MGOMEZ", "ADMIN", "RADICADOR1", "VENTANILLA2")
BROWSERS: Final = ("Firefox", "Chrome", "Safari móvil", "Edge")
