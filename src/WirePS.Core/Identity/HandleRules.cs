using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace WirePS.Identity;

/// <summary>What a handle and an address <c>nick@domain</c> may look like (wire.md §1.3).</summary>
public static class HandleRules
{
    /// <summary>Fewest characters of a handle.</summary>
    public const int MinLength = 2;

    /// <summary>Most characters of a handle.</summary>
    public const int MaxLength = 32;

    private const int MaxDomainLength = 253;
    private const int MaxLabelLength = 63;

    private static readonly SearchValues<char> NickCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-");
    private static readonly SearchValues<char> LabelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static readonly FrozenSet<string> ReservedNames = FrozenSet.Create(
        StringComparer.Ordinal,
        "abuse", "admin", "agent", "all", "anthropic", "api", "bar", "baz", "bot", "claude", "contact", "copilot", "cursor", "daemon",
        "demo", "everyone", "example", "foo", "gemini", "help", "here", "hostmaster", "info", "kernel", "me", "mistral", "mod",
        "moderator", "none", "noreply", "null", "official", "openai", "ops", "owner", "postmaster", "robot", "root", "security", "self",
        "server", "service", "slancha", "staff", "support", "sys", "system", "team", "test", "webmaster", "wire", "you");

    private static readonly FrozenSet<string> DeviceNames = FrozenSet.Create(
        StringComparer.Ordinal,
        "con", "prn", "aux", "nul",
        "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
        "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9");

    /// <summary>The names that nobody may claim, sorted.</summary>
    public static IReadOnlyList<string> Reserved { get; } = [.. ReservedNames.Order(StringComparer.Ordinal)];

    /// <summary>True for 2-32 of <c>a-z 0-9 _ -</c>.</summary>
    public static bool IsWellFormed([NotNullWhen(true)] string? nick)
        => nick is { Length: >= MinLength and <= MaxLength } && !nick.AsSpan().ContainsAnyExcept(NickCharacters);

    /// <summary>True for a reserved name.</summary>
    public static bool IsReserved([NotNullWhen(true)] string? nick) => nick is not null && ReservedNames.Contains(nick);

    /// <summary>True for a nick that a relay's directory lets one claim.</summary>
    public static bool IsClaimable([NotNullWhen(true)] string? nick) => IsWellFormed(nick) && !IsReserved(nick);

    /// <summary>
    /// True for a handle that we give ourselves: claimable, safe as a file name, and unchanged by the rule that takes
    /// <c>-</c> and eight hex digits off a DID.
    /// </summary>
    public static bool IsUsable([NotNullWhen(true)] string? handle)
        => IsClaimable(handle) && IsSafeFileName(handle) && WireDid.DisplayHandle(handle) == handle;

    /// <summary>
    /// True when the name can be a part of a path on every platform (wire.md §15): a letter or digit, then 1-31 of
    /// <c>a-z 0-9 _ -</c>, and not the name of a Windows device.
    /// </summary>
    public static bool IsSafeFileName([NotNullWhen(true)] string? name)
        => IsWellFormed(name) && name[0] is not ('_' or '-') && !DeviceNames.Contains(name);

    /// <summary>A friendly handle <c>adjective-noun</c> that follows from the key; always usable.</summary>
    /// <param name="publicKey">32 bytes.</param>
    public static string Generate(ReadOnlySpan<byte> publicKey) => HandleWords.Combine(publicKey);

    /// <summary>Splits an address <c>nick@domain</c>. A reserved nick may be looked up, only not claimed.</summary>
    /// <param name="text">The address.</param>
    /// <param name="nick">The part before the first <c>@</c>.</param>
    /// <param name="domain">The part after it, with its port where there is one.</param>
    /// <param name="loopbackPorts">Accept a port on 127.0.0.1 and localhost, as newer programs do.</param>
    public static bool TryParseAddress(
        string? text, [NotNullWhen(true)] out string? nick, [NotNullWhen(true)] out string? domain, bool loopbackPorts = true)
    {
        nick = null;
        domain = null;
        var at = text?.IndexOf('@', StringComparison.Ordinal) ?? -1;
        if (at < 0 || !IsWellFormed(text![..at]) || !IsDomain(text.AsSpan(at + 1), loopbackPorts))
        {
            return false;
        }

        nick = text[..at];
        domain = text[(at + 1)..];
        return true;
    }

    /// <summary>The relay behind the domain of an address: plain http on this machine, https everywhere else.</summary>
    public static string RelayUrl(string domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        var colon = domain.IndexOf(':', StringComparison.Ordinal);
        return (IsLoopback(colon < 0 ? domain : domain.AsSpan(0, colon)) ? "http://" : "https://") + domain;
    }

    private static bool IsDomain(ReadOnlySpan<char> domain, bool loopbackPorts)
    {
        var colon = domain.IndexOf(':');
        if (colon >= 0)
        {
            // A leading '+' or zero passes there, so it passes here.
            var digits = domain[(colon + 1)..];
            digits = digits.StartsWith('+') ? digits[1..] : digits;
            return loopbackPorts
                && IsLoopback(domain[..colon])
                && !digits.ContainsAnyExceptInRange('0', '9')
                && ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                && port > 0;
        }

        if (domain.Length is 0 or > MaxDomainLength)
        {
            return false;
        }

        foreach (var range in domain.Split('.'))
        {
            var label = domain[range];
            if (label.Length is 0 or > MaxLabelLength || label[0] == '-' || label[^1] == '-'
                || label.ContainsAnyExcept(LabelCharacters))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsLoopback(ReadOnlySpan<char> host) => host is "127.0.0.1" or "localhost";
}
