"""The site's words, in French and German, as the trade uses them."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("fr", "de")
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Debident, portail du factor", "Debident, Portal des Factors"),
    "stand-in": ("site d'essai", "Übungsseite"),
    "log-in": ("Se connecter", "Anmelden"),
    "log-out": ("Se déconnecter", "Abmelden"),
    "client-id": ("Identifiant du client", "Kunden-ID"),
    "secret": ("Mot de passe", "Kennwort"),
    "account": ("Compte du cabinet", "Praxiskonto"),
    "language": ("Langue", "Sprache"),
    "orders": ("Ordres", "Aufträge"),
    "order": ("Ordre", "Auftrag"),
    "hand-over": ("Déposer un ordre", "Auftrag übergeben"),
    "package": ("Fichier de l'ordre (ZIP)", "Auftragsdatei (ZIP)"),
    "package-help": (
        "Le fichier tel que votre logiciel l'a préparé, sans l'ouvrir ni le modifier.",
        "Die Datei, wie Ihre Software sie vorbereitet hat: weder öffnen noch verändern.",
    ),
    "send": ("Déposer", "Übergeben"),
    "number": ("N° d'ordre", "Auftragsnummer"),
    "reference": ("Référence", "Referenz"),
    "state": ("État", "Stand"),
    "received-at": ("Déposé le", "Übergeben am"),
    "arrived-at": ("Arrivé le", "Eingetroffen am"),
    "received": ("Reçu, pas encore arrivé", "Erhalten, noch nicht eingetroffen"),
    "arrived": ("Arrivé", "Eingetroffen"),
    "refused": ("Refusé", "Zurückgewiesen"),
    "fingerprint": ("Empreinte SHA-256", "Prüfsumme SHA-256"),
    "communication": ("Communication", "Mitteilung"),
    "invoices": ("Factures de l'ordre", "Rechnungen des Auftrags"),
    "invoice": ("Facture", "Rechnung"),
    "debtor": ("Débiteur", "Debitor"),
    "amount": ("Montant CHF", "Betrag CHF"),
    "answer": ("Réponse", "Antwort"),
    "accepted": ("Reprise par le factor", "Vom Factor übernommen"),
    "line-refused": ("Refusée", "Abgelehnt"),
    "reason": ("Motif", "Grund"),
    "credit-notes": ("Notes de crédit de l'ordre", "Gutschriften des Auftrags"),
    "credit-note": ("Note de crédit", "Gutschrift"),
    "deb-files": ("Fichiers DEB", "DEB-Dateien"),
    "deb-file": ("Fichier DEB", "DEB-Datei"),
    "created-at": ("Créé le", "Erstellt am"),
    "size": ("Taille (octets)", "Grösse (Bytes)"),
    "rows": ("Lignes", "Zeilen"),
    "download": ("Télécharger", "Herunterladen"),
    "no-orders": ("Aucun ordre n'a été déposé.", "Es wurde noch kein Auftrag übergeben."),
    "no-deb-files": ("Il n'y a pas encore de fichier DEB.", "Es gibt noch keine DEB-Datei."),
    "no-lines": (
        "La réponse pour chaque facture apparaît quand l'ordre est arrivé.",
        "Die Antwort je Rechnung erscheint, wenn der Auftrag eingetroffen ist.",
    ),
    "newer": ("Plus récents", "Neuere"),
    "older": ("Plus anciens", "Ältere"),
    "back": ("Retour aux ordres", "Zurück zu den Aufträgen"),
    "now": ("Heure du portail", "Zeit des Portals"),
    "taken": (
        "L'ordre est déposé. Attendez une demi-journée, puis vérifiez s'il est arrivé.",
        "Der Auftrag ist übergeben. Prüfen Sie nach einem halben Tag, ob er eingetroffen ist.",
    ),
    "already-have-it": (
        "Cet ordre est déjà là, avec le même contenu. Rien n'a été doublé.",
        "Dieser Auftrag ist mit gleichem Inhalt bereits hier. Nichts wurde verdoppelt.",
    ),
    "wrong-login": (
        "L'identifiant ou le mot de passe n'est pas juste.",
        "Kunden-ID oder Kennwort stimmt nicht.",
    ),
    "too-many-logins": (
        "Trop d'essais. Attendez quelques minutes.",
        "Zu viele Versuche. Warten Sie einige Minuten.",
    ),
    "form-expired": (
        "Le formulaire a expiré. Recommencez.",
        "Das Formular ist abgelaufen. Beginnen Sie noch einmal.",
    ),
    "no-file": ("Choisissez un fichier.", "Wählen Sie eine Datei."),
    "too-large": ("Le fichier est trop grand.", "Die Datei ist zu gross."),
    "not-a-zip": ("Ce fichier n'est pas un fichier ZIP.", "Diese Datei ist keine ZIP-Datei."),
    "not-a-package": (
        "Ce fichier ZIP n'est pas un ordre, ou il est abîmé.",
        "Diese ZIP-Datei ist kein Auftrag, oder sie ist beschädigt.",
    ),
    "wrong-account": (
        "Cet ordre est celui d'un autre compte. Rien n'a été déposé.",
        "Dieser Auftrag gehört zu einem anderen Konto. Nichts wurde übergeben.",
    ),
    "other-content": (
        "Cet ordre est déjà là, avec un autre contenu. Appelez le factor.",
        "Dieser Auftrag ist mit anderem Inhalt bereits hier. Rufen Sie den Factor an.",
    ),
    "refused-upload": (
        "L'ordre n'a pas été accepté. Rien n'a été déposé.",
        "Der Auftrag wurde nicht angenommen. Nichts wurde übergeben.",
    ),
    "not-found": ("Il n'y a rien à cette adresse.", "Unter dieser Adresse gibt es nichts."),
    "problem": ("Cela n'a pas marché", "Das ging nicht"),
    "code-address-unknown": ("Adresse inconnue", "Adresse unbekannt"),
    "code-already-taken-over": ("Déjà reprise par le factor", "Bereits übernommen"),
    "code-refused-by-clerk": ("Refusé par le factor", "Vom Factor zurückgewiesen"),
    "code-wrong-account": ("Autre compte", "Anderes Konto"),
    "code-wrong-order": ("Autre ordre", "Anderer Auftrag"),
}


class Words:
    """The words in one language; an unknown language is French."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]

    def __getitem__(self, name: str) -> str:
        return _WORDS[name][LANGUAGES.index(self.language)]

    def of_code(self, code: object) -> str:
        """Return a refusal code in words, with the code itself; a foreign code as it is."""
        if code is None:
            return ""
        known = f"code-{code}"
        return f"{self[known]} ({code})" if known in _WORDS else str(code)
