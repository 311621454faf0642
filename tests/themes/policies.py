"""What a model says that checks documents for support agents: another axis, another voice, ten reasons.

Written before there was anything to measure, and looked at once, when the parameters were chosen.
"""

REASONS: dict[str, list[str]] = {
    "refund-period": [
        "I have to deny this: the refund period is stated as {n} days, while company policy grants customers thirty days.",
        "Policy mismatch on refunds. || Customers may return goods within thirty days, the document says {n}.",
        "According to the policy, customers have longer to ask for a refund than the {n} days mentioned here.",
        "The [deadline|period] for refunds given for {topic} is wrong; it differs from the published refund policy.",
        "Refunds must be possible for the full period our policy promises, and the patch shortens that period to {n} days.",
    ],
    "promise": [
        "{Agent} would promise a delivery date, which we can never guarantee.",
        "The document makes a binding promise to the customer about {topic}. || We cannot guarantee that.",
        "Guarantees of this kind expose us legally; do not promise anything about {topic}.",
        "The phrase {quote} reads like a guarantee. || Use a wording that promises less.",
        "Support may not commit to a fixed delivery date, yet the text promises delivery within {n} days.",
    ],
    "escalation": [
        "The text does not say when {agent} hands over to a human colleague.",
        "An escalation path is missing: [angry|upset] customers must be able to reach a human.",
        "After {n} failed answers the conversation has to be escalated to a person, and this step has been dropped.",
        "I see no rule for escalation. || {Agent} must know when to pass a {topic} case on to a human.",
        "Customers would be stuck with {agent} forever, since nothing tells it to hand the case over to a human agent.",
    ],
    "jargon": [
        "The paragraph on {topic} is full of internal jargon that customers will not understand.",
        "Customers do not know what {quote} means. || Replace the internal term by plain words.",
        "Plain language, please: terms like {quote} are internal jargon.",
        "The answer uses {n} technical terms without explaining them, most customers will not understand it.",
        "This text is hard to understand for [laypeople|beginners], because {topic} is described in technical jargon.",
    ],
    "outdated": [
        "The document describes the old [dashboard|portal], which was replaced {n} months ago.",
        "These steps for {topic} are outdated; the menu has been renamed since.",
        "Outdated information: the [portal|dashboard] shown in the instructions no longer exists.",
        "The instructions for {topic} refer to a version that has been replaced. || Update them to the current one.",
        "What the text says about {topic} was true until the last release and is out of date now.",
    ],
    "competitor": [
        "The reply compares us with a competitor, and support must not comment on competitors.",
        "Naming a competitor is against our communication rules.",
        "{Agent} would recommend a competitor's product for {topic}. || Leave competitors out.",
        "A rival company is mentioned by name in section {n}; comparisons with competitors are not allowed.",
        "Do not comment on other companies: the passage {quote} talks badly about a competitor.",
    ],
    "identity-check": [
        "Before account details are changed, the customer's identity has to be verified; the patch skips this step.",
        "{Agent} may change the account without verifying who is asking.",
        "The identity check was removed from the {topic} procedure. || Anybody could take over an account.",
        "Account data would be given to unverified callers. || Ask for proof of identity first.",
        "It is not enough to ask for a name: verify the identity of the caller before you touch the account.",
    ],
    "accessibility": [
        "The screenshot on {topic} has no alternative text, so screen readers cannot read it.",
        "Blind users are left out: {n} images have no alt text.",
        "Not accessible. || Instructions that say only 'click the [green|red] button' exclude people who cannot see colours.",
        "Please describe the images for screen readers, and do not rely on colours alone.",
        "Colour is the only hint in step {n}; that is not accessible to colour-blind users.",
    ],
    "price": [
        "The monthly price of {n} euros is not the price in our price list.",
        "Wrong price for {topic}: the tariff was raised in spring.",
        "The prices quoted by {agent} do not match the current price list.",
        "The document should link to the price list rather than repeat a price of {n} euros.",
        "A discount of {n} percent is mentioned that does not exist in the price list.",
    ],
    "blame": [
        "The answer blames the customer for the [fault|error]. || Say what happened without blaming anybody.",
        "{quote} puts the blame on the customer, which is never acceptable.",
        "The apology is missing: we caused the trouble with {topic}, and the text sounds as if the customer were at fault.",
        "{Agent} should apologise instead of accusing the customer of a mistake.",
        "Accusing customers of having made a mistake with {topic} is not our way to apologise.",
    ],
}
