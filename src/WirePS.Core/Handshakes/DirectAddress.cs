using System.Globalization;
using System.Net;

namespace WirePS.Handshakes;

/// <summary>Where a home takes messages of the handshake as connections of their own (wireps.md §8).</summary>
/// <param name="Host">A name or an address, IPv6 without brackets.</param>
/// <param name="Port">The port, 1 to 65535.</param>
public sealed record DirectAddress(string Host, int Port)
{
    /// <summary>The port of the handshake (handshake.md §2).</summary>
    public const int DefaultPort = 444;

    private const int MaxHostLength = 253;

    /// <summary>Reads <c>host</c>, <c>host:port</c>, an IPv4 address, or an IPv6 address in brackets; null for anything else.</summary>
    /// <param name="text">What was typed.</param>
    public static DirectAddress? TryParse(string? text)
    {
        var trimmed = text?.Trim() ?? "";
        var end = trimmed.StartsWith('[') ? trimmed.IndexOf(']', StringComparison.Ordinal) + 1 : trimmed.IndexOf(':', StringComparison.Ordinal);
        var host = end > 0 ? trimmed[..end] : end < 0 ? trimmed : "";
        var rest = end > 0 ? trimmed[end..] : "";
        var port = DefaultPort;
        if (rest.Length > 0 && !(rest[0] == ':' && int.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= ushort.MaxValue))
        {
            return null;
        }

        if (host.StartsWith('['))
        {
            return IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out var six) && host.Contains(':', StringComparison.Ordinal) ? new DirectAddress(six.ToString(), port) : null;
        }

        return host.Length <= MaxHostLength && Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? new DirectAddress(host.ToLowerInvariant(), port) : null;
    }

    /// <summary>As it is read.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");
}
