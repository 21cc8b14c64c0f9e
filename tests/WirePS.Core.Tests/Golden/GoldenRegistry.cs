namespace WirePS.Tests.Golden;

/// <summary>Which runner reads which section of which dialect. A new file in a known dialect needs nothing here.</summary>
internal static class GoldenRegistry
{
    private const string Astrid = "Astrid runtime (astrid-runtime/astrid)";

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
        [("wire", "events_pipeline")] = MailRunners.Pipeline,
        [("wire", "kinds")] = EventRunners.Kinds,
        [("wire", "sealing")] = SealingRunners.Sealing,
        [("wire", "invites")] = InviteRunners.Invites,
        [("wire", "invites_parse")] = InviteRunners.InvitesParse,
        [("wire", "pair_drops")] = DropRunners.PairDrops,
        [("wire", "invites_accept")] = DropRunners.InvitesAccept,
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

        // Pair tokens of the four generations of Astrid; ours keeps files of the first, and refuses those of the others.
        [(Astrid, "hashes_A")] = AstridRunners.Hashes,
        [(Astrid, "hashes_B")] = AstridRunners.Hashes,
        [(Astrid, "compare_A")] = AstridRunners.Compare,
        [(Astrid, "compare_B")] = AstridRunners.Compare,
        [(Astrid, "compare_C")] = AstridRunners.Compare,
        [(Astrid, "key_fingerprints_A")] = AstridRunners.KeyFingerprints,
        [(Astrid, "principal_ids")] = AstridRunners.PrincipalIds,
        [(Astrid, "store_files_A")] = AstridRunners.StoreFiles,
        [(Astrid, "store_files_B")] = AstridRunners.LaterStoreFiles,
        [(Astrid, "store_files_C")] = AstridRunners.LaterStoreFiles,
        [(Astrid, "reader_A")] = AstridRunners.Reader,
        [(Astrid, "reader_B")] = AstridRunners.LaterReader,
        [(Astrid, "reader_C")] = AstridRunners.LaterReader,
        [(Astrid, "save_failures_A")] = AstridRunners.SaveFailures,
        [(Astrid, "handlers_A")] = AstridRunners.Handlers,
        [("astrid-pilot", "from_tests")] = AstridRunners.PilotTests,
        [("astrid-pilot", "derived")] = AstridRunners.PilotDerived,

        // The trust handshake of another program.
        [("Pilot Protocol trust handshake", "messages")] = PilotRunners.Messages,
        [("Pilot Protocol trust handshake", "signatures")] = PilotRunners.Signatures,
        [("Pilot Protocol trust handshake", "hostile_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "replay_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "decision_n")] = PilotRunners.Steps,
        [("Pilot Protocol trust handshake", "queue_n")] = PilotRunners.Steps,
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
