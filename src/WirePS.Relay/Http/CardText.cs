using System.Runtime.InteropServices;
using System.Text.Json;
using WirePS.Identity;
using WirePS.Relay.Limits;

namespace WirePS.Relay.Http;

/// <summary>Agent cards in requests: checked as our own clients check them, and kept as the text that came.</summary>
internal static class CardText
{
    private const string FaultPrefix = "The agent card did not pass: ";

    /// <summary>Verifies a card.</summary>
    /// <exception cref="WireException">This relay cannot verify at all.</exception>
    public static (AgentCard? Card, string Fault) Verify(JsonElement text)
    {
        try
        {
            return (AgentCard.Parse(CompactJson.Compact(JsonMarshal.GetRawUtf8Value(text))).Verify(), "");
        }
        catch (WireException exception) when (exception.Reason is WireReason.InvalidCard or WireReason.InvalidJson)
        {
            // the words are those of the real relay; it does not frame them in a sentence
            var message = exception.Message;
            return (null, message.StartsWith(FaultPrefix, StringComparison.Ordinal) ? message[FaultPrefix.Length..].TrimEnd('.') : message);
        }
    }

    /// <summary>The part of a profile that the list shows; one that is too large shows nothing.</summary>
    public static byte[] ShownProfile(AgentCard card)
    {
        var profile = Profile(card);
        var shown = Shown(name => profile.TryGet(name, out var value) ? value : WireJson.Null);
        return shown.Length <= WireLimits.ProfileBytes ? shown : Shown(static _ => WireJson.Null);

        static byte[] Shown(Func<string, WireJson> member) => WireJson.ObjectOf(
            ("emoji", member("emoji")),
            ("motto", member("motto")),
            ("vibe", member("vibe")),
            ("pronouns", member("pronouns")),
            ("now", member("now"))).ToCompactBytes();
    }

    /// <summary>The words by which it is found.</summary>
    public static IReadOnlyList<string> Vibes(AgentCard card) =>
        Profile(card).GetArray("vibe") is { } vibes
            ? [.. vibes.Items.Select(static item => item.AsString()).OfType<string>().Select(LowerCase).Distinct().Take(WireLimits.Vibes)]
            : [];

    /// <summary>Whether its owner lets it appear in the list.</summary>
    public static bool IsListed(AgentCard card) => Profile(card).GetBoolean("listed") != false;

    /// <summary>ASCII letters in lower case, all else as it is.</summary>
    public static string LowerCase(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterUpper(source[i]) ? (char)(source[i] | 0x20) : source[i];
        }
    });

    private static WireJson Profile(AgentCard card) => card.Json.GetObject("profile") ?? WireJson.EmptyObject;
}
