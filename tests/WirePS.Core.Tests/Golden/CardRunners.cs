using System.Security.Cryptography;
using System.Text;
using WirePS.Identity;

namespace WirePS.Tests.Golden;

/// <summary>Cards: made and checked.</summary>
internal static class CardRunners
{
    private const string MessageStart = "The agent card did not pass: ";

    public static GoldenOutcome Cards(GoldenCase golden)
    {
        if (golden.Class == "claims_attach")
        {
            return GoldenOutcome.NotOurs("operator and organisation claims are not attached by this program");
        }

        var answers = new GoldenAnswers(golden);
        var signed = AgentCard.Sign(golden.Hex("seed_hex"), WireJson.Parse(golden.Text("unsigned_text")!), publishDhKey: !golden.IsOlderRevision);
        answers.Text("signed_text", () => signed.ToCompactString());
        var canonical = CanonicalJson.Canonicalize(signed, CanonicalMode.Card);
        answers.Text("canonical", () => Encoding.UTF8.GetString(canonical));
        answers.Hex("sha256", () => SHA256.HashData(canonical));
        answers.Text("signature", () => signed.GetString("signature"));
        if (golden.Data.TryGetProperty("verify", out var verify))
        {
            answers.Equal("verify", verify.GetProperty("ok").GetBoolean() ? null : "refused", Check(Encoding.UTF8.GetBytes(golden.Text("signed_text")!)));
        }

        return answers.Outcome();
    }

    public static GoldenOutcome CardsVerify(GoldenCase golden)
    {
        var answers = new GoldenAnswers(golden);
        var fault = Check(Encoding.UTF8.GetBytes(golden.Text("card_text")!));
        if (golden.Data.GetProperty("ok").GetBoolean() || fault is null)
        {
            answers.Equal("fault", golden.Text("error"), fault);
        }
        else
        {
            // Ours says more after the common words.
            answers.Text("error", () => fault.StartsWith(golden.Text("error")!, StringComparison.Ordinal) ? golden.Text("error") : fault);
        }

        return answers.Outcome();
    }

    private static string? Check(byte[] card)
    {
        try
        {
            AgentCard.Parse(card).Verify();
            return null;
        }
        catch (WireException refused) when (refused.Reason == WireReason.InvalidCard)
        {
            return refused.Message[MessageStart.Length..].TrimEnd('.');
        }
    }
}
