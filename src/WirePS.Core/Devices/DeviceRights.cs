using System.Collections.Immutable;
using WirePS.Identity;

namespace WirePS.Devices;

/// <summary>What a device may do in the name of its identity (wireps.md §7).</summary>
[Flags]
public enum DeviceRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Admit further devices, with no more rights than its own.</summary>
    Add = 1,

    /// <summary>Send messages.</summary>
    Send = 2,

    /// <summary>Be sent what peers send.</summary>
    Receive = 4,

    /// <summary>Everything.</summary>
    All = Add | Send | Receive,
}

/// <summary>The rights as files, cards and people write them: <c>add</c>, <c>send</c>, <c>receive</c>.</summary>
public static class DeviceRightsText
{
    private static readonly ImmutableArray<(string Name, DeviceRights Right)> Names =
        [("add", DeviceRights.Add), ("send", DeviceRights.Send), ("receive", DeviceRights.Receive)];

    /// <summary>The names, always in the same order.</summary>
    public static ImmutableArray<string> ToNames(this DeviceRights rights) => [.. Names.Where(name => rights.HasFlag(name.Right)).Select(static name => name.Name)];

    /// <summary>Reads names: at least one, each known and given once.</summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidRights"/>.</exception>
    public static DeviceRights Parse(IEnumerable<string?> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var rights = DeviceRights.None;
        foreach (var name in names)
        {
            var right = Names.FirstOrDefault(known => known.Name == name).Right;
            if (right == DeviceRights.None || rights.HasFlag(right))
            {
                throw new WireException(WireReason.InvalidRights);
            }

            rights |= right;
        }

        return rights != DeviceRights.None ? rights : throw new WireException(WireReason.InvalidRights);
    }

    /// <summary>The JSON array of the names.</summary>
    public static WireJson ToJson(this DeviceRights rights) => WireJson.ArrayOf(rights.ToNames());

    /// <summary>
    /// Checks that an issuer may give rights: it has the right to add, and every one of them. To be asked before anything
    /// changes, and again when the token is used.
    /// </summary>
    /// <exception cref="WireException"><see cref="WireReason.InvalidRights"/> for none; <see cref="WireReason.RightsExceeded"/>.</exception>
    public static void RequireWithin(this DeviceRights wanted, DeviceRights issuer)
    {
        if (wanted == DeviceRights.None || (wanted & ~DeviceRights.All) != 0)
        {
            throw new WireException(WireReason.InvalidRights);
        }

        if (!issuer.HasFlag(DeviceRights.Add) || (wanted & ~issuer) != 0)
        {
            throw new WireException(WireReason.RightsExceeded);
        }
    }
}
