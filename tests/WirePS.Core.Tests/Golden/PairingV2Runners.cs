using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;

namespace WirePS.Tests.Golden;

/// <summary>The exchange of protocol v2: both sides, every value in between, and what they seal.</summary>
internal static class PairingV2Runners
{
    public static GoldenOutcome Exchange(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var typed = PairingCode.Parse(golden.Text("code")!);
        answers.Equal("protocol", 2, typed.Protocol);
        answers.Text("code", () => PairingCode.Display(typed.Canonical));
        using var code = PairingV2.Stretch(typed.Canonical);
        answers.Text("lookup", () => code.Lookup);
        answers.Hex("w", () => code.W.Span.ToArray());

        using var x = PairingV2.Scalar(golden.Hex("x64"))!;
        using var y = PairingV2.Scalar(golden.Hex("y64"))!;
        answers.Hex("x", () => x.Span.ToArray());
        answers.Hex("y", () => y.Span.ToArray());
        using var hostMask = Edwards25519PairingGroup.Mask(PairRole.Host, code.W.Span);
        using var guestMask = Edwards25519PairingGroup.Mask(PairRole.Guest, code.W.Span);
        answers.Hex("wM", () => hostMask.Span.ToArray());
        answers.Hex("wN", () => guestMask.Span.ToArray());

        answers.Hex("pk_h", () => Ed25519.PublicKey(golden.Hex("seed_h")));
        answers.Hex("pk_g", () => Ed25519.PublicKey(golden.Hex("seed_g")));
        var hostCommit = PairingV2.IdCommit(PairRole.Host, golden.Hex("idnonce_h"), golden.Hex("pk_h"));
        var guestCommit = PairingV2.IdCommit(PairRole.Guest, golden.Hex("idnonce_g"), golden.Hex("pk_g"));
        answers.Hex("C_h", () => hostCommit);
        answers.Hex("C_g", () => guestCommit);
        var hostShare = PairingV2.Share(PairRole.Host, x.Span, code.W.Span);
        var guestShare = PairingV2.Share(PairRole.Guest, y.Span, code.W.Span);
        answers.Hex("pA", () => hostShare);
        answers.Hex("pB", () => guestShare);
        answers.Hex("commit", () => PairingV2.Commit(code.Lookup, hostShare, hostCommit, golden.Hex("nonce_h")));

        using var atHost = Edwards25519PairingGroup.SharedPoint(PairRole.Host, x.Span, code.W.Span, guestShare);
        using var atGuest = Edwards25519PairingGroup.SharedPoint(PairRole.Guest, y.Span, code.W.Span, hostShare);
        answers.Hex("K", () => atHost.Span.ToArray());
        answers.Hex("K", () => atGuest.Span.ToArray());
        using var transcript = PairingV2KeySchedule.Transcript(hostCommit, guestCommit, hostShare, guestShare, atHost.Span, code.W.Span);
        answers.Hex("TT", () => transcript.Span.ToArray());
        answers.Hex("Ke", () => SHA256.HashData(transcript.Span)[..16]);
        answers.Hex("Ka", () => SHA256.HashData(transcript.Span)[16..]);

        using var host = PairingV2.Derive(PairRole.Host, x.Span, code.W.Span, hostShare, guestShare, hostCommit, guestCommit);
        using var guest = PairingV2.Derive(PairRole.Guest, y.Span, code.W.Span, guestShare, hostShare, guestCommit, hostCommit);
        Keys(answers, host);
        Keys(answers, guest);
        Messages(golden, answers, host, PairRole.Host, "h");
        Messages(golden, answers, host, PairRole.Guest, "g");
        return answers.Outcome();
    }

    private static void Keys(GoldenAnswers answers, PairingV2Keys keys)
    {
        answers.Hex("cA", () => keys.ConfirmHost);
        answers.Hex("cB", () => keys.ConfirmGuest);
        answers.Hex("k_h", () => keys.KeyHost.Span.ToArray());
        answers.Hex("k_g", () => keys.KeyGuest.Span.ToArray());
        answers.Hex("p", () => keys.ProofSecret.Span.ToArray());
        answers.Text("sas_h", () => keys.SasHost);
        answers.Text("sas_g", () => keys.SasGuest);
    }

    private static void Messages(GoldenCase golden, GoldenAnswers answers, PairingV2Keys keys, PairRole role, string side)
    {
        // The card is sealed as base64 of the bytes that were hashed and signed.
        var card = Encoding.UTF8.GetBytes(golden.Text("card_" + side)!);
        var text = PairingV2.ProofText(role, keys.ProofSecret.Span, card);
        var proof = Ed25519.Sign(golden.Hex("seed_" + side), text);
        answers.Hex("proof_" + side, () => proof);
        answers.Equal("proof verifies", true, Ed25519.Verify(golden.Hex("pk_" + side), text, golden.Hex("proof_" + side)));
        var plain = WireJson.Parse(Encoding.UTF8.GetBytes(golden.Text("plain_" + side + "1")!));
        answers.Equal("card", golden.Text("card_" + side), Encoding.UTF8.GetString(Convert.FromBase64String(plain.GetString("card")!)));
        answers.Equal("proof", Convert.ToBase64String(proof), plain.GetString("proof"));
        answers.Equal("id_nonce", Convert.ToBase64String(golden.Hex("idnonce_" + side)), plain.GetString("id_nonce"));

        var key = role == PairRole.Host ? keys.KeyHost : keys.KeyGuest;
        var lookup = golden.Text("lookup")!;
        foreach (var phase in (int[])[1, 2, 3, 9])
        {
            var name = "sealed_" + side + phase;
            if (golden.Text(name) is null)
            {
                continue;
            }

            var opened = PairingV2.Open(key.Span, lookup, role, phase, golden.Hex(name));
            answers.Equal(name + " opens", true, opened is not null);
            answers.Text("plain_" + side + phase, () => opened is null ? null : Encoding.UTF8.GetString(opened));
            answers.Equal(name + " is an object", true, opened is not null && WireJson.Parse(opened).IsObject);
            answers.Hex(name, () => PairingV2.Seal(key.Span, lookup, role, phase, opened ?? []));
        }
    }
}
