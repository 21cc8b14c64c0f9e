namespace WirePS.Tests.Golden;

/// <summary>Which runner reads which section of which dialect. A new file in a known dialect needs nothing here.</summary>
internal static class GoldenRegistry
{
    private static readonly Dictionary<(string Dialect, string Section), Func<GoldenCase, GoldenOutcome>> Runners = new()
    {
        // Answers of the real programs.
        [("wire", "canonical_json")] = IdentityRunners.CanonicalJson,
        [("wire", "identity")] = IdentityRunners.Identity,
        [("wire", "handles")] = IdentityRunners.Handles,
        [("wire", "cards")] = CardRunners.Cards,
        [("wire", "cards_verify")] = CardRunners.CardsVerify,
        [("wire", "memberships")] = MembershipRunners.Memberships,
        [("wire", "events")] = EventRunners.Events,
        [("wire", "events_verify")] = EventRunners.EventsVerify,
        [("wire", "kinds")] = EventRunners.Kinds,
        [("wire", "sealing")] = SealingRunners.Sealing,
        [("wire", "invites")] = InviteRunners.Invites,
        [("wire", "invites_parse")] = InviteRunners.InvitesParse,
        [("wire", "code_phrase")] = PairingRunners.CodePhrases,
        [("wire", "spake2")] = PairingRunners.Spake2,
        [("wire", "bootstrap")] = PairingRunners.Bootstrap,
        [("wire", "live_pairing")] = PairingRunners.LivePairing,
        [("wire", "files")] = FileRunners.Files,

        // Answers of an independent implementation.
        [("derived", "identity")] = DerivedRunners.Identity,
        [("derived", "head_dh_pubkey")] = DerivedRunners.DhPublicKey,
        [("derived", "head_card_with_dh_pubkey")] = DerivedRunners.CardWithDhPublicKey,
        [("derived", "events")] = DerivedRunners.Events,
        [("derived", "canonical_edge")] = DerivedRunners.CanonicalEdge,
        [("derived", "pairing")] = DerivedRunners.Pairing,
        [("derived", "pairing_leading_zero_sas")] = DerivedRunners.PairingLeadingZero,
        [("derived", "sas_function")] = DerivedRunners.SasFunction,
        [("derived", "code_hashes")] = DerivedRunners.CodeHashes,
        [("derived", "pair_drop")] = DerivedRunners.SignedCanonical,
        [("derived", "pair_drop_ack")] = DerivedRunners.SignedCanonical,
        [("derived", "certs")] = DerivedRunners.Certificates,

        // Protocol v2 from the code to the sealed messages.
        [("independent reference of pairing-v2.md", "pairing_v2")] = PairingV2Runners.Exchange,

        // Codes as people type them, whatever their protocol.
        [("independent reference of pairing-v2.md", "pairing_v2_typed_codes")] = PairingRunners.TypedCodes,

        // The trust handshake of another program.
        [("Pilot Protocol trust handshake", "messages")] = PilotRunners.Messages,
        [("Pilot Protocol trust handshake", "signatures")] = PilotRunners.Signatures,
        [("Pilot Protocol trust handshake", "hostile_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "replay_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "decision_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "relayed_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "key_binding_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "local_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "trust_json_samples")] = PilotRunners.TrustFiles,
        [("Pilot Protocol trust handshake", "persistence_n")] = PilotRunners.Persistence,

        // Answers that stand in the tests and documents of the other programs.
        [("wire-source", "canonical_json")] = SourceRunners.CanonicalJson,
        [("wire-source", "code_phrase")] = SourceRunners.CodePhrases,
        [("wire-source", "sas_confirm")] = SourceRunners.SasConfirm,
        [("wire-source", "spake2_rustcrypto_0_4_0")] = SourceRunners.RustCrypto,
        [("wire-source", "spake2_python_reference")] = SourceRunners.PythonReference,
        [("wire-source", "handles")] = SourceRunners.Handles,
        [("wire-source", "kinds")] = SourceRunners.Kinds,
        [("wire-source", "incident_codes")] = SourceRunners.IncidentCodes,
    };

    public static Func<GoldenCase, GoldenOutcome>? Find(string dialect, string section) => Runners.GetValueOrDefault((dialect, section));
}
